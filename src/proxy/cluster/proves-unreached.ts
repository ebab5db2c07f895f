import type { DeliveryProbe, StreamSocket } from '../../net/index.ts'
import type { SentRequest } from './contract.ts'

/** One TLS record holds at most so many octets (RFC 8446 section 5.1). */
const recordOctets = 16_384

/**
 * True when the peer ended the connection before anything of a request had arrived there. Asked in the moment of the end. It is proved by one of
 *
 * - the socket took nothing, or refused the first write: nothing ever left;
 * - the peer's end (FIN) is here, and its acknowledgement, which every segment carries, covers no octet of the request. A peer that
 *   has ended its side cannot answer, and must not act on, what comes after (RFC 9112 section 9.6). Over TLS one incomplete record proves the same: it cannot be decrypted.
 *
 * A reset without an end before it proves nothing: what was received may have been read before it was acknowledged.
 */
export function provesUnreached(
  delivery: DeliveryProbe,
  socket: StreamSocket,
  sent: SentRequest & { readonly pipe: boolean; readonly secure: boolean },
): boolean {
  const { taken, writes, refused, pipe, secure } = sent
  if (refused && taken === 0) return true
  if (pipe) return false
  if (!secure) return taken === 0 || delivery.unacknowledged(socket) >= taken
  // A record is longer than what it holds: with more left than was taken, less is gone than its overhead.
  return writes === 1 && taken > 0 && taken <= recordOctets && delivery.unacknowledged(socket) > taken
}
