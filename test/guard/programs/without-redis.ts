// An API whose Redis is not there: prints why its guard lets nobody in, closes the guard, and ends when nothing of it is left.
// Arguments: the client (`ioredis` or `node-redis`), the address of Redis, the issuer.
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { createGuard } from '../../../guard/main.ts'
import { AUDIENCE } from '../fake-issuer.ts'

const [name, url = '', issuer = ''] = process.argv.slice(2)
// Neither is connected by its owner, so that whatever stays is the guard's.
const redis = name === 'ioredis' ? new Redis(url, { lazyConnect: true }) : createClient({ url })
const guard = await createGuard({ issuer, audience: AUDIENCE, redis, startTimeoutSeconds: 0, log: () => undefined })
while (guard.status().fault === undefined) await new Promise((resolve) => setTimeout(resolve, 10))
process.stdout.write(guard.status().fault?.message ?? '')
await guard.close()
