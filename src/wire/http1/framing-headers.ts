/** Fields that frame a message or belong to one connection, in lower case: whoever writes a message writes them anew, nobody may edit them. */
export const framingHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
