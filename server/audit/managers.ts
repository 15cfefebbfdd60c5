// Who has made what is registered: a person or program by hand, a provision file, the demo, or the server itself. What a file or the demo
// has made is changed there: they would undo anything else.

/** Why something cannot be changed by hand; undefined when it can. `name` is what it is called: `the client notes`. */
export function managerFault(name: string, managedBy: string | undefined): string | undefined {
  if (managedBy === undefined) return undefined
  if (managedBy === 'demo') return `${name} belongs to the demo: "npx latchkey demo remove" removes it`
  if (managedBy === 'provision')
    return `${name} is managed by the provision file: change it there, and apply the file (npx latchkey apply)`
  return `${name} is the server’s own`
}
