import type { Http2Case } from './case.ts'
import { frames } from './cases/frames.ts'
import { hostile } from './cases/hostile.ts'
import { ordinary } from './cases/ordinary.ts'
import { responses } from './cases/responses.ts'

/** Every exchange that both proxies are put through. Names are unique: the table of differences refers to them. */
export const allCases: readonly Http2Case[] = [...ordinary, ...hostile, ...frames, ...responses]
