import type { Diagnostic, Severity } from '../diagnostic.ts'
import { type FieldPath, formatPath } from '../field-path.ts'
import { limits } from '../limits.ts'
import { type PositionedDocument, positionOf } from '../position.ts'

/** A document that faults are reported about. */
export interface Subject extends PositionedDocument {
  readonly file: string
}

/** What is wrong with a field; position, file and resource are filled in by the place. */
export interface FieldFault {
  readonly code: string
  /** `error` by default. */
  readonly severity?: Severity
  /** Defaults to `Expected <expected>, got <got>`. */
  readonly message?: string
  readonly expected?: string
  readonly got?: string
  readonly remedy?: string
  /** Points at the field's name when the name itself is wrong. */
  readonly pointAt?: 'key' | 'value'
}

/** Where a reader stands in a document, and where it reports what it finds. */
export class Place {
  readonly path: FieldPath
  readonly #subject: Subject
  readonly #label: string
  readonly #found: Diagnostic[]

  /** `label` is `Kind namespace/name`; `found` collects the faults of the whole document. */
  constructor(subject: Subject, label: string, found: Diagnostic[], path: FieldPath = []) {
    this.#subject = subject
    this.#label = label
    this.#found = found
    this.path = path
  }

  /** The place of a field or an item of this one. */
  at(...steps: FieldPath): Place {
    return new Place(this.#subject, this.#label, this.#found, [...this.path, ...steps])
  }

  /** Records a fault here; answers undefined so that a reader can return it. */
  report(fault: FieldFault): undefined {
    if (this.#found.length > limits.diagnosticsPerDocument) return undefined
    if (this.#found.length === limits.diagnosticsPerDocument) {
      const message = `More than ${limits.diagnosticsPerDocument} faults in this document`
      this.#push({ code: 'WEFT_RESOURCE_TOO_MANY_FAULTS', message, remedy: 'Mend those above and apply again' })
      return undefined
    }
    this.#push(fault)
    return undefined
  }

  #push(fault: FieldFault): void {
    const { line, column } = positionOf(this.#subject, this.path, fault.pointAt)
    this.#found.push({
      code: fault.code,
      severity: fault.severity ?? 'error',
      file: this.#subject.file,
      line,
      column,
      resource: this.#label,
      field: formatPath(this.path),
      message: fault.message ?? `Expected ${fault.expected ?? 'nothing'}, got ${fault.got ?? 'nothing'}`,
      ...(fault.expected === undefined ? {} : { expected: fault.expected }),
      ...(fault.got === undefined ? {} : { got: fault.got }),
      ...(fault.remedy === undefined ? {} : { remedy: fault.remedy }),
    })
  }
}
