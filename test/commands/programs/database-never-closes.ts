// Imported before the program: once it is told to end, no connection to PostgreSQL can be closed.
import pg from 'pg'

process.once('SIGTERM', () => {
  pg.Client.prototype.end = () => new Promise<void>(() => undefined)
})
