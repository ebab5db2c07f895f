import {
  HeaderValueOption_HeaderAppendAction,
  type HeaderValueOption,
} from '../../xds/generated/envoy/config/core/v3/base_pb.ts'
import { framingHeaders } from '../../wire/http1/index.ts'
import type { HeaderEdits, LevelEdits } from '../route/index.ts'
import type { CompileContext } from './compile-context.ts'
import { fieldPath } from './fault-list.ts'

/** The four header lists that route tables, virtual hosts, routes and weighted clusters share. */
export interface EditedMessage {
  readonly requestHeadersToAdd: readonly HeaderValueOption[]
  readonly requestHeadersToRemove: readonly string[]
  readonly responseHeadersToAdd: readonly HeaderValueOption[]
  readonly responseHeadersToRemove: readonly string[]
}

/** Compiles the header edits of one level. */
export function levelEdits(context: CompileContext, path: string, message: EditedMessage): LevelEdits {
  const side = (name: 'request' | 'response', add: readonly HeaderValueOption[], remove: readonly string[]) =>
    headerEdits(context, fieldPath(path, `${name}_headers_to`), { add, remove })
  return {
    requestEdits: side('request', message.requestHeadersToAdd, message.requestHeadersToRemove),
    responseEdits: side('response', message.responseHeadersToAdd, message.responseHeadersToRemove),
  }
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

function headerEdits(
  context: CompileContext,
  prefix: string,
  lists: { readonly add: readonly HeaderValueOption[]; readonly remove: readonly string[] },
): HeaderEdits | undefined {
  if (lists.add.length + lists.remove.length === 0) return undefined
  const remove = lists.remove.map((name, index) => editableName(context, `${prefix}_remove[${index}]`, name))
  return { remove, ...addedHeaders(context, `${prefix}_add`, lists.add) }
}

/** Compiles one list of headers to add: those that replace what is there (`set`), and those that stand beside it. */
export function addedHeaders(
  context: CompileContext,
  listPath: string,
  options: readonly HeaderValueOption[],
): Pick<HeaderEdits, 'set' | 'add'> {
  const set: (readonly [string, string])[] = []
  const add: (readonly [string, string])[] = []
  options.forEach((option, index) => {
    const path = `${listPath}[${index}]`
    const name = editableName(context, `${path}.header.key`, option.header?.key ?? '')
    const value = literalValue(context, `${path}.header.value`, option.header?.value ?? '')
    // An empty value means no header, unless it is to be kept (Envoy's HeaderParser).
    if (value === '' && !option.keepEmptyValue) return
    if (
      option.append !== undefined &&
      option.appendAction !== HeaderValueOption_HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD
    ) {
      context.faults.add(`${path}.append`, 'Expected append or append_action, not both')
    }
    ;(replaces(option) ? set : add).push([name, value])
  })
  return { set, add }
}

function replaces(option: HeaderValueOption): boolean {
  if (option.append !== undefined) return !option.append
  return option.appendAction === HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD
}

function editableName(context: CompileContext, path: string, name: string): string {
  const lower = name.toLowerCase()
  if (lower.startsWith(':') || lower === 'host') {
    context.faults.add(path, `${name} cannot be edited as a header; use host_rewrite_literal or prefix_rewrite`)
  } else if (!token.test(lower)) {
    context.faults.add(path, `Expected a header name, got ${JSON.stringify(name)}`)
  } else if (framingHeaders.has(lower)) {
    context.faults.add(path, `${name} frames the message or belongs to one connection and cannot be edited`)
  }
  return lower
}

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const forbiddenInValue = /[\u0000-\u0008\u000a-\u001f\u007f]/

/** A header value without substitution: `%%` is a percent sign; `%OPERATOR%` is refused by name. */
function literalValue(context: CompileContext, path: string, value: string): string {
  if (forbiddenInValue.test(value)) context.faults.add(path, 'Expected a value without control characters')
  if (!value.includes('%')) return value
  const rest = value.replaceAll('%%', '')
  const operator = /%[^%]*%?/.exec(rest)
  if (operator !== null) {
    context.faults.add(
      path,
      `Substitution ${operator[0]} is not implemented by this proxy (write %% for a percent sign)`,
    )
  }
  return value.replaceAll('%%', '%')
}
