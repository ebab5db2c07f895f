import type { HttpCase } from './case.ts'
import { accessControl } from './cases/access-control.ts'
import { forwardedFields } from './cases/forwarded-fields.ts'
import { grpcCalls } from './cases/grpc.ts'
import { healthFilter } from './cases/health-filter.ts'
import { hostileRequests } from './cases/hostile-requests.ts'
import { hostileResponses } from './cases/hostile-responses.ts'
import { ordinaryRequests } from './cases/ordinary-requests.ts'
import { responses } from './cases/responses.ts'
import { routing } from './cases/routing.ts'
import { tunnels } from './cases/tunnels.ts'

/** Every exchange that both proxies are put through. Names are unique: the table of differences refers to them. */
export const allCases: readonly HttpCase[] = [
  ...ordinaryRequests,
  ...forwardedFields,
  ...responses,
  ...routing,
  ...accessControl,
  ...grpcCalls,
  ...tunnels,
  ...healthFilter,
  ...hostileRequests,
  ...hostileResponses,
]
