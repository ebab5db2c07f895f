/**
 * What makes field sections a well-formed message of HTTP/2 (RFC 9113 section 8, RFC 8441), and no message of HTTP/1.1 that means
 * something else. Pure functions from a decoded block to a verdict.
 *
 * FieldBlock -> judgeRequest, judgeResponse -> HeadFacts; areTrailers
 *
 * Knows nothing of frames and streams: that a body is as long as its head says is for the session to see.
 */
export { type HeadFacts } from './head-facts.ts'
export { judgeRequest, type RequestRules } from './request-rules.ts'
export { judgeResponse } from './response-rules.ts'
export { areTrailers } from './trailer-rules.ts'
