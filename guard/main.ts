// The entrance of the package: what its users may count on. Everything else may change.
export type { AccessToken } from './access-token.ts'
export type { AdapterOptions } from './adapters/answering.ts'
export type { NestOptions } from './adapters/nest.ts'
export {
  ConfigurationFault,
  FeedRefused,
  FeedUnavailable,
  GuardClosed,
  GuardError,
  InsufficientScope,
  IntrospectionUnavailable,
  InvalidProof,
  InvalidRequest,
  InvalidToken,
  type InvalidTokenReason,
  IssuerMismatch,
  KeyNotKnownYet,
  KeysUnavailable,
  MissingToken,
  type RevocationTimes,
  TooManyProofs,
  Unavailable,
} from './errors.ts'
export { createGuard, type Guard, type GuardStatus } from './guard.ts'
export type { GuardLog, LogLine } from './log.ts'
export type { ClientCredentials, GuardOptions, WhenStale } from './options.ts'
export type { RequestPieces } from './presented-token.ts'
export type { ProtectedResourceMetadata } from './protected-resource.ts'
