/**
 * States of an accepted connection:
 *
 *     idle -> head -> busy -> idle ...        one request at a time; what comes behind it waits in the backlog
 *                      busy -> tunnel         after 101
 *     any -> lingering -> closed              the last answer is sent, the client may still be talking
 */
export const ConnectionState = { idle: 0, head: 1, busy: 2, tunnel: 3, lingering: 4, closed: 5 } as const
