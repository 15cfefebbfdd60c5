// In place of the hashing process: never answers when it is given the password "poison".
process.on('message', (job: { readonly password: string }) => {
  if (job.password !== 'poison') process.send?.({ hash: 'done' })
})
