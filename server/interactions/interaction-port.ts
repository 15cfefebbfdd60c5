// What the sign-in pages need of the protocol. The provider has it; this folder does not know the provider.
import type { Context } from 'koa'

/** The browser is in no such interaction, or no longer. */
export class InteractionNotFound extends Error {
  override readonly name = 'InteractionNotFound'
}

/** What a page shows of an interaction. */
export interface PendingInteraction {
  readonly uid: string
  readonly prompt: 'login' | 'consent'
  readonly client: {
    readonly id: string
    readonly name: string
    readonly logoUri?: string
    readonly clientUri?: string
    readonly policyUri?: string
    readonly tosUri?: string
  }
  /** Of who is signed in. */
  readonly email?: string
  readonly loginHint?: string
  /** The person is signed in and is asked for the password again. */
  readonly reauthentication: boolean
  readonly missing: {
    readonly openid: readonly string[]
    readonly resources: { readonly [identifier: string]: readonly string[] }
  }
  /** What is known of those APIs: what they are called, and what is to be read of their scopes. */
  readonly apis?: {
    readonly [identifier: string]: { readonly name?: string; readonly scopes: { readonly [scope: string]: string } }
  }
  /** Where the browser goes afterwards. */
  readonly redirectHost: string
}

/** The interaction that a browser is in. Every method throws `InteractionNotFound` when there is none of that name; those
 * that end it answer with the address at which to go on. */
export interface InteractionPort {
  find(ctx: Context, uid: string): Promise<PendingInteraction>
  completeLogin(
    ctx: Context,
    uid: string,
    result: { readonly accountId: string; readonly amr: readonly string[]; readonly afterEnd: string },
  ): Promise<string>
  completeConsent(ctx: Context, uid: string): Promise<string>
  deny(ctx: Context, uid: string): Promise<string>
}

/** Signs a person in by password. */
export type SignIn = (request: {
  readonly username: string
  readonly password: string
  readonly origin: { readonly address?: string; readonly userAgent?: string; readonly requestId?: string }
}) => Promise<
  | { readonly outcome: 'ok'; readonly account: { readonly id: string }; readonly afterEnd: string }
  | { readonly outcome: 'refused'; readonly retryAfterSeconds?: number }
>
