#!/usr/bin/env bun
import { runCli } from '../src/cli/index.ts'

process.exit(await runCli(process.argv.slice(2)))
