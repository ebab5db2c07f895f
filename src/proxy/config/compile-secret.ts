import type { Result } from '../../base/index.ts'
import {
  SecretSchema,
  type Secret as SecretMessage,
} from '../../xds/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { createCompileContext, type CompileOptions } from './compile-context.ts'
import { compileCertificate, compileValidation } from './compile-tls.ts'
import type { FieldFault } from './field-fault.ts'
import { requiredText } from './field-values.ts'
import { checkSupport } from './support-check.ts'
import { supportedFields } from './supported-fields.ts'
import type { Secret } from './tls-config.ts'

/** Compiles a `Secret`: a certificate with its key, or a validation context. */
export function compileSecret(message: SecretMessage, options?: CompileOptions): Result<Secret, readonly FieldFault[]> {
  const context = createCompileContext(options)
  checkSupport(SecretSchema, message, { table: supportedFields, faults: context.faults })
  const name = requiredText(context, 'name', message.name)
  const choice = message.type
  switch (choice.case) {
    case 'tlsCertificate': {
      const certificate = compileCertificate(context, 'tls_certificate', choice.value)
      return context.faults.finish({ kind: 'certificate', name, certificate })
    }
    case 'validationContext': {
      const validation = compileValidation(context, 'validation_context', choice.value)
      return context.faults.finish({ kind: 'validation', name, validation })
    }
    default:
      if (context.faults.isEmpty) context.faults.add('', 'Expected tls_certificate or validation_context')
      return context.faults.finish<Secret>({
        kind: 'validation',
        name,
        validation: { trustedCa: '', subjectAltNames: [] },
      })
  }
}
