// The console's script. Every page works without it; with it, times are the reader's own, `/` goes to the search box, and all rows of a
// list can be selected at once.
const FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

for (const time of document.querySelectorAll('time[datetime]')) {
  time.title = time.textContent
  time.textContent = FORMAT.format(new Date(time.dateTime))
}

document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, textarea, select, [contenteditable]')
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || typing) return
  event.preventDefault()
  document.getElementById('search')?.focus()
})

for (const form of document.querySelectorAll('form.selection')) {
  const boxes = [...form.querySelectorAll('input[type=checkbox][name=id]')]
  const head = form.querySelector('thead th')
  if (boxes.length === 0 || head === null) continue
  const all = document.createElement('input')
  all.type = 'checkbox'
  const label = document.createElement('label')
  label.className = 'select'
  const text = document.createElement('span')
  text.className = 'visually-hidden'
  text.textContent = 'Select all on this page'
  label.append(all, text)
  head.replaceChildren(label)
  const button = form.querySelector('button[type=submit]')
  const wording = button.textContent
  const show = () => {
    const chosen = boxes.filter((box) => box.checked).length
    all.checked = chosen === boxes.length
    all.indeterminate = chosen > 0 && chosen < boxes.length
    button.disabled = chosen === 0
    button.textContent = chosen === 0 ? wording : wording.replace('selected', String(chosen))
  }
  all.addEventListener('change', () => {
    for (const box of boxes) box.checked = all.checked
    show()
  })
  form.addEventListener('change', show)
  show()
}
