/**
 * Users' objects as they are stored: the record, and apply, which stores all objects of some files or none.
 *
 * A record keeps the text with its place in the user's file, so that every later message can name the line. Nothing here
 * knows what an object means (dialects) or whom it concerns (push).
 */
export { applyObjects, type ApplyOutcome } from './apply-objects.ts'
export { objectKey, objectPrefix, type ObjectRecord, parseObjectRecord, toResource } from './object-record.ts'
