// The transform that lets Jest load TypeScript: what Node does when it runs a `.ts` file.
import { stripTypeScriptTypes } from 'node:module'

export default {
  process: (source) => ({ code: stripTypeScriptTypes(source) }),
}
