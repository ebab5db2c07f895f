import type { Init } from './init.ts'
import type { HeaderOperations } from '../../model/index.ts'
import {
  HeaderValueOption_HeaderAppendAction,
  type HeaderValueOptionSchema,
} from '../../xds/generated/envoy/config/core/v3/base_pb.ts'

type HeaderOption = Init<typeof HeaderValueOptionSchema>

/** The four header fields that routes, virtual hosts and weighted clusters share; only those with content. */
export function headerFields(
  request: HeaderOperations,
  response: HeaderOperations,
): {
  requestHeadersToAdd?: HeaderOption[]
  requestHeadersToRemove?: string[]
  responseHeadersToAdd?: HeaderOption[]
  responseHeadersToRemove?: string[]
} {
  const requestAdd = options(request)
  const responseAdd = options(response)
  return {
    ...(requestAdd.length === 0 ? {} : { requestHeadersToAdd: requestAdd }),
    ...(request.remove.length === 0 ? {} : { requestHeadersToRemove: [...request.remove] }),
    ...(responseAdd.length === 0 ? {} : { responseHeadersToAdd: responseAdd }),
    ...(response.remove.length === 0 ? {} : { responseHeadersToRemove: [...response.remove] }),
  }
}

/** Whether there is nothing to edit. */
export function isEmpty(operations: HeaderOperations): boolean {
  return operations.set.length + operations.add.length + operations.remove.length === 0
}

/** Envoy removes first, then walks one list: sets stand before adds. */
function options(operations: HeaderOperations): HeaderOption[] {
  const { OVERWRITE_IF_EXISTS_OR_ADD, APPEND_IF_EXISTS_OR_ADD } = HeaderValueOption_HeaderAppendAction
  return [
    ...operations.set.map((pair) => option(pair, OVERWRITE_IF_EXISTS_OR_ADD)),
    ...operations.add.map((pair) => option(pair, APPEND_IF_EXISTS_OR_ADD)),
  ]
}

function option(
  [key, value]: readonly [name: string, value: string],
  appendAction: HeaderValueOption_HeaderAppendAction,
): HeaderOption {
  return {
    // `%` starts a command in Envoy's header values; the dialects know none.
    header: { key, value: value.replaceAll('%', '%%') },
    appendAction,
    ...(value === '' ? { keepEmptyValue: true } : {}),
  }
}
