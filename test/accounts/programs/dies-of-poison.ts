// In place of the hashing process: dies when it is given the password "poison".
process.on('message', (job: { readonly password: string }) => {
  if (job.password === 'poison') process.exit(1)
  process.send?.({ hash: 'done' })
})
