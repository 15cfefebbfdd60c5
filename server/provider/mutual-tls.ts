// Mutual TLS (RFC 8705): what the library asks about the certificate that came with a request.
import type { X509Certificate } from 'node:crypto'
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider'
import type { ClientCertificate } from '../http/client-certificate.ts'

/** How certificates come in. */
export interface MutualTls {
  readonly certificateOf: ClientCertificate
  /** Whether the proxy has checked who issued them; without that a name in them says nothing. */
  readonly chainChecked: boolean
}

/** The ways to authenticate by a certificate that are on. */
export function certificateAuthMethods(mutualTls: MutualTls | undefined) {
  if (mutualTls === undefined) return []
  return mutualTls.chainChecked
    ? (['tls_client_auth', 'self_signed_tls_client_auth'] as const)
    : (['self_signed_tls_client_auth'] as const)
}

/** The library's `features.mTLS`. */
export function mutualTlsFeature(mutualTls: MutualTls | undefined): NonNullable<NonNullable<Configuration['features']>['mTLS']> {
  // Tokens that were bound while it was on are refused when it is off, since there is never a certificate then.
  if (mutualTls === undefined) return { enabled: false, getCertificate: () => undefined }
  const getCertificate = (ctx: KoaContextWithOIDC) => mutualTls.certificateOf(ctx.req)
  const common = { enabled: true, certificateBoundAccessTokens: true, selfSignedTlsClientAuth: true, getCertificate } as const
  if (!mutualTls.chainChecked) return common
  return {
    ...common,
    tlsClientAuth: true,
    certificateAuthorized: () => true,
    certificateSubjectMatches(ctx, member, expected) {
      const certificate = getCertificate(ctx)
      return certificate !== undefined && subjectMatches(certificate, member, expected)
    },
  }
}

/** Names of subjects as Node writes them before the colon. */
const ALTERNATIVE_NAMES: { readonly [member: string]: string } = {
  tls_client_auth_san_dns: 'DNS',
  tls_client_auth_san_uri: 'URI',
  tls_client_auth_san_ip: 'IP Address',
  tls_client_auth_san_email: 'email',
}

/** RFC 8705 §2.1.2: exactly as registered. A host name that stands for many, as browsers take them, stands for none here. */
function subjectMatches(certificate: X509Certificate, member: string, expected: string): boolean {
  if (member === 'tls_client_auth_subject_dn') return subjectOf(certificate) === distinguishedName(expected)
  const kind = ALTERNATIVE_NAMES[member]
  // Node writes names with odd characters in quotes, so that none can look like two (CVE-2021-44532).
  const names = certificate.subjectAltName ?? ''
  return kind !== undefined && !names.includes('"') && names.split(', ').includes(`${kind}:${expected}`)
}

/** The subject as RFC 4514 writes it: the most particular part first. Node has one part a line, escaped, the other way round. */
function subjectOf(certificate: X509Certificate): string {
  return distinguishedName(certificate.subject.split('\n').reverse().join(','))
}

/** One way of writing a distinguished name: types in upper case, no space around parts. */
function distinguishedName(text: string): string {
  return text
    .split(/(?<!\\),/)
    .map((part) => part.trim().replace(/^[^=]*/, (type) => type.trim().toUpperCase()))
    .join(',')
}
