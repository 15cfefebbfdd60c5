// Imported before the program: a clock that goes wrong while it runs. At SIGUSR2 it reads how many seconds it is to be wrong
// from the file that the environment names.
import { readFileSync } from 'node:fs'

/** The variable that names the file. */
export const CLOCK_FILE_VARIABLE = 'TEST_WRONG_CLOCK_FILE'

const RightDate = Date
const file = process.env[CLOCK_FILE_VARIABLE]
let offsetMs = 0

/** Of all that a date can do only `now` and a date that is made of nothing are wrong. */
const wrongDate = new Proxy(RightDate, {
  construct: (target, args) => Reflect.construct(target, args.length === 0 ? [target.now() + offsetMs] : args),
  get: (target, name, receiver) =>
    name === 'now' ? () => target.now() + offsetMs : Reflect.get(target, name, receiver === wrongDate ? target : receiver),
})

if (file !== undefined) {
  globalThis.Date = wrongDate
  process.on('SIGUSR2', () => {
    offsetMs = Number(readFileSync(file, 'utf8')) * 1000
  })
}
