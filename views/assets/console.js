// The console's script. Every page works without it; with it, times are the reader's own, `/` goes to the search box, all rows of a
// list can be selected at once, what is there to be copied can be copied, and the audit log can be followed.
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
  const buttons = [...form.querySelectorAll('button[type=submit]')].map((button) => [button, button.textContent])
  const show = () => {
    const chosen = boxes.filter((box) => box.checked).length
    all.checked = chosen === boxes.length
    all.indeterminate = chosen > 0 && chosen < boxes.length
    for (const [button, wording] of buttons) {
      button.disabled = chosen === 0
      button.textContent = chosen === 0 ? wording : wording.replace('selected', String(chosen))
    }
  }
  all.addEventListener('change', () => {
    for (const box of boxes) box.checked = all.checked
    show()
  })
  form.addEventListener('change', show)
  show()
}

// Browsers let a page copy only where nobody can change it on its way.
for (const text of navigator.clipboard === undefined ? [] : document.querySelectorAll('[data-copy]')) {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'button small'
  button.textContent = 'Copy'
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(text.value ?? text.textContent)
    button.textContent = 'Copied'
  })
  const place = text.closest('pre') ?? text
  place.after(button)
}

for (const box of document.querySelectorAll('[data-follow]')) {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'button small'
  const list = document.createElement('ol')
  list.className = 'events'
  list.ariaLabel = 'What happened since'
  list.ariaLive = 'polite'
  box.append(button, list)
  let source
  const tell = ({ data }) => {
    const { id, at, name, reason } = JSON.parse(data)
    const item = document.createElement('li')
    const link = document.createElement('a')
    link.href = `/admin/audit/${encodeURIComponent(id)}`
    link.textContent = name
    item.append(`${FORMAT.format(new Date(at))} `, link, reason === null ? '' : ` ${reason}`)
    list.prepend(item)
    while (list.children.length > 100) list.lastElementChild.remove()
  }
  const show = (label) => {
    button.textContent = label
    button.setAttribute('aria-pressed', String(source !== undefined))
  }
  button.addEventListener('click', () => {
    source?.close()
    source = source === undefined ? new EventSource(box.dataset.follow) : undefined
    show(source === undefined ? 'Follow' : 'Stop following')
    source?.addEventListener('message', tell)
    // It tries again by itself, unless it was refused.
    source?.addEventListener('error', () => {
      if (source?.readyState !== EventSource.CLOSED) return
      source = undefined
      show('Follow again')
    })
  })
  show('Follow')
  box.hidden = false
}
