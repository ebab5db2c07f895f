import { overloadFields } from './supported-overload-fields.ts'
import { supportedControlFields, type FieldRule, type SupportedFields } from './supported-fields.ts'

const checkedLater: FieldRule = { harmless: 'checked when the resource itself is compiled', whole: true }

/** The bootstrap's own messages; its static resources are checked one by one, as if they had come by xDS. */
export const supportedBootstrapFields: SupportedFields = new Map<string, Readonly<Record<string, FieldRule>>>([
  ...supportedControlFields,
  ...overloadFields,
  [
    'envoy.config.bootstrap.v3.Bootstrap',
    {
      node: 'honoured',
      static_resources: 'honoured',
      dynamic_resources: 'honoured',
      admin: 'honoured',
      cluster_manager: 'honoured',
      overload_manager: 'honoured',
    },
  ],
  ['envoy.config.bootstrap.v3.ClusterManager', { local_cluster_name: 'honoured' }],
  [
    'envoy.config.bootstrap.v3.Bootstrap.StaticResources',
    { listeners: checkedLater, clusters: checkedLater, secrets: checkedLater },
  ],
  [
    'envoy.config.bootstrap.v3.Bootstrap.DynamicResources',
    { ads_config: 'honoured', cds_config: 'honoured', lds_config: 'honoured' },
  ],
  ['envoy.config.bootstrap.v3.Admin', { address: 'honoured' }],
  [
    'envoy.config.core.v3.Node',
    {
      id: 'honoured',
      cluster: 'honoured',
      metadata: 'honoured',
      locality: 'honoured',
      user_agent_name: { harmless: 'this proxy sends its own name' },
      user_agent_version: { harmless: 'this proxy sends its own version' },
    },
  ],
])
