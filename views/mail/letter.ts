// How mails are written: once, as what they say; as plain text and as HTML that says the same.
import { type Html, html } from '../html.ts'

/** What a mail says. */
export interface Letter {
  readonly subject: string
  /** What happened. */
  readonly story: readonly string[]
  readonly facts: readonly { readonly label: string; readonly value: string }[]
  /** What one can do about it. */
  readonly advice: readonly { readonly text: string; readonly link?: string }[]
  /** Where people sign in: who writes. */
  readonly issuer: string
}

/** A mail without its recipient. */
export interface Written {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** Writes it. */
export function writeLetter(letter: Letter): Written {
  return { subject: letter.subject, text: asText(letter), html: asHtml(letter).toString() }
}

const GREETING = 'Hello,'
const ADVICE = 'What you can do:'

function closing(issuer: string): string {
  return `This mail comes from ${issuer}, where you sign in to your apps. It needs no answer, and nobody will ask for your password by mail.`
}

function asText({ story, facts, advice, issuer }: Letter): string {
  return `${[
    GREETING,
    ...story,
    facts.map(({ label, value }) => `  ${label}: ${value}`).join('\n'),
    [ADVICE, ...advice.map(({ text, link }) => (link === undefined ? `- ${text}` : `- ${text}\n  ${link}`))].join('\n'),
    closing(issuer),
  ].join('\n\n')}\n`
}

/** No pictures and nothing from elsewhere; colours are the reader's own, so that it is right in the dark as well. */
function asHtml({ subject, story, facts, advice, issuer }: Letter): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${subject}</title>
</head>
<body style="max-width: 36rem; margin: 1.5rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif">
<p>${GREETING}</p>
${story.map((paragraph) => html`<p>${paragraph}</p>\n`)}<ul style="padding: 0; list-style: none">
${facts.map(({ label, value }) => html`<li><strong>${label}:</strong> ${value}</li>\n`)}</ul>
<p>${ADVICE}</p>
<ul>
${advice.map(({ text, link }) => html`<li>${text}${link !== undefined && html`<br><a href="${link}">${link}</a>`}</li>\n`)}</ul>
<p><small>${closing(issuer)}</small></p>
</body>
</html>
`
}
