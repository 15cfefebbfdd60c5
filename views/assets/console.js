// The console's script. Every page works without it; with it, times are the reader's own, `/` goes to the search box, all rows of a
// list can be selected at once, what is there to be copied can be copied, the audit log can be followed, and what is under way is
// seen to go on.
const FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

// Below: a page, or what has come of one since.
const enhance = (page) => {
  for (const time of page.querySelectorAll('time[datetime]')) tellTime(time)
  for (const form of page.querySelectorAll('form.selection')) selectAtOnce(form)
  // Browsers let a page copy only where nobody can change it on its way.
  if (navigator.clipboard !== undefined) for (const text of page.querySelectorAll('[data-copy]')) addCopying(text)
}

const tellTime = (time) => {
  time.title = time.textContent
  time.textContent = FORMAT.format(new Date(time.dateTime))
}

const selectAtOnce = (form) => {
  const boxes = [...form.querySelectorAll('input[type=checkbox][name=id]')]
  const head = form.querySelector('thead th')
  if (boxes.length === 0 || head === null) return
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
  })
  form.addEventListener('change', () => {
    const ticked = boxes.filter((box) => box.checked).map((box) => box.value)
    history.replaceState({ ticked }, '')
    show()
  })
  // Whoever comes back finds what they had ticked. Browsers remember it by its place in the list, where another row may stand by now:
  // so the forms tell them not to.
  for (const box of boxes) box.checked = history.state?.ticked?.includes(box.value) === true
  show()
}

const addCopying = (text) => {
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

enhance(document)

document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, textarea, select, [contenteditable]')
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || typing) return
  event.preventDefault()
  document.getElementById('search')?.focus()
})

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

// Makes a part of the page what it is by now, and leaves alone what is the same: the focus, what is marked and what is read aloud.
const renew = (old, now) => {
  if (old.isEqualNode(now)) return
  if (!old.cloneNode().isEqualNode(now.cloneNode())) return old.replaceWith(now)
  const before = [...old.childNodes]
  const after = [...now.childNodes]
  for (const [place, child] of after.entries()) place < before.length ? renew(before[place], child) : old.append(child)
  for (const child of before.slice(after.length)) child.remove()
}

const lookAgain = (part) => {
  const request = new XMLHttpRequest()
  // The browser makes a document of the answer: the policy lets no script make one of text.
  request.responseType = 'document'
  request.timeout = 30_000
  request.addEventListener('loadend', () => {
    // No answer: the network is gone for a while, or the reader is leaving.
    if (request.status === 0) return soon(part)
    const now = request.status === 200 ? request.response?.querySelector('.under-way') : undefined
    if (!now) return part.after(wayToLook())
    enhance(now)
    if (now.dataset.lookAgain === undefined) part.removeAttribute('data-look-again')
    renew(part, now)
    soon(part)
  })
  request.open('GET', location.pathname + location.search)
  request.send()
}

const soon = (part) => {
  const seconds = Number(part?.dataset.lookAgain ?? 0)
  if (seconds > 0) setTimeout(() => lookAgain(part), seconds * 1000)
}

// For a reader who is signed out by now, or was refused: what the page told stays, and nothing goes on behind it.
const wayToLook = () => {
  const link = document.createElement('a')
  link.className = 'button'
  link.href = location.pathname + location.search
  link.textContent = 'Look again'
  const line = document.createElement('p')
  line.className = 'actions'
  line.append(link)
  return line
}

soon(document.querySelector('.under-way'))
