import { open, type FileHandle } from 'node:fs/promises'

/** Bytes that may wait for a slow disk or terminal, for each file; lines past it are dropped and counted. */
export const maxAccessLogBufferBytes = 1024 * 1024

/** Appends lines to files without making a request wait. */
export interface AccessLogWriter extends AsyncDisposable {
  /** Queues a line (with its line feed) for `path`; `/dev/stdout` and `/dev/stderr` are the process's own. */
  readonly write: (path: string, line: string) => void
  /** Lines dropped because a file could not keep up or could not be opened. */
  readonly dropped: () => number
  /** Closes files so that the next line opens them anew (log rotation). */
  readonly reopen: () => Promise<void>
}

class LogFile {
  readonly #path: string
  #pending: string[] = []
  #pendingBytes = 0
  #writing: Promise<void> | undefined
  #handle: FileHandle | undefined
  dropped = 0

  constructor(path: string) {
    this.#path = path
  }

  write(line: string): void {
    if (this.#pendingBytes + line.length > maxAccessLogBufferBytes) {
      this.dropped += 1
      return
    }
    this.#pending.push(line)
    this.#pendingBytes += line.length
    this.#writing ??= this.#flush()
  }

  async close(): Promise<void> {
    await this.#writing
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  async #flush(): Promise<void> {
    // Gathers the lines of one turn of the event loop into one write.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (this.#pending.length > 0) {
      const lines = this.#pending
      this.#pending = []
      this.#pendingBytes = 0
      try {
        await this.#append(lines.join(''))
      } catch {
        // A full disk or a missing folder must never stop traffic; the loss is counted and shown in metrics.
        this.dropped += lines.length
      }
    }
    this.#writing = undefined
  }

  async #append(text: string): Promise<void> {
    if (this.#path === '/dev/stdout') await Bun.write(Bun.stdout, text)
    else if (this.#path === '/dev/stderr') await Bun.write(Bun.stderr, text)
    else {
      this.#handle ??= await open(this.#path, 'a', 0o640)
      await this.#handle.appendFile(text)
    }
  }
}

/** Makes a writer; disposing it writes out what waits. */
export function createAccessLogWriter(): AccessLogWriter {
  const files = new Map<string, LogFile>()
  return {
    write: (path, line) => {
      let file = files.get(path)
      if (file === undefined) {
        file = new LogFile(path)
        files.set(path, file)
      }
      file.write(line)
    },
    dropped: () => [...files.values()].reduce((sum, file) => sum + file.dropped, 0),
    reopen: async () => {
      await Promise.all([...files.values()].map((file) => file.close()))
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...files.values()].map((file) => file.close()))
    },
  }
}
