// Keeps what the program logs, so that tests can read it.
import { Writable } from 'node:stream'

/** Log lines, parsed. */
export class LogLines extends Writable {
  readonly lines: { readonly [member: string]: unknown }[] = []

  /** Everything that was logged, as text, for scans. */
  get text(): string {
    return this.lines.map((line) => JSON.stringify(line)).join('\n')
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    for (const line of chunk.toString('utf8').split('\n')) if (line !== '') this.lines.push(JSON.parse(line))
    done()
  }
}
