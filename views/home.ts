// The page at `/`, which few people see: they come from an app.
import { type Html, html } from './html.ts'
import { page } from './layout.ts'
import { webAddress } from './web-address.ts'

/**
 * Makes the page.
 * @param p.demo the addresses of the demo's two apps, when it is on, and of the mailbox of development
 */
export function homePage(p: { readonly demo?: Demo }): Html {
  const body = html`<section class="card">
<header>
<h1>One sign-in for all your apps</h1>
<p class="lead">This is where your team signs in. Open one of your apps, and it brings you here when it needs to know who you are.</p>
</header>
<p class="actions"><a class="button primary" href="/account">Go to your account</a></p>
</section>
${p.demo !== undefined && demo(p.demo)}`
  return page({ title: 'One sign-in for all your apps', body })
}

interface Demo {
  readonly spa: string
  readonly server: string
  readonly mailbox?: string
}

function demo(apps: Demo): Html {
  return html`<section class="card" aria-labelledby="demo">
<header>
<h2 id="demo">Try the demo</h2>
<p class="lead">Two small apps that share one sign-in. The accounts to use are named in the terminal where the server was started.</p>
</header>
<p class="actions">${link('Single-page app', apps.spa)}${link('Server-rendered app', apps.server)}${apps.mailbox !== undefined && link('Mailbox', apps.mailbox)}</p>
</section>`
}

function link(label: string, address: string): Html | undefined {
  const href = webAddress(address)
  return href === undefined ? undefined : html`<a class="button" href="${href}">${label}</a>`
}
