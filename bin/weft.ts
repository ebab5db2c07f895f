#!/usr/bin/env bun
// The X.509 library needs this polyfill before it loads; in the bundled executable only the entry point is surely first.
import 'reflect-metadata'
import { runCli } from '../src/cli/index.ts'

process.exit(await runCli(process.argv.slice(2)))
