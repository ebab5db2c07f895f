/** Network filters: what handles the bytes of an accepted connection when they are not HTTP. */
export { type DownstreamInfo } from './downstream.ts'
