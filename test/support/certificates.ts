// Client certificates for tests, made once by openssl: self-signed, subject `C=DE, O=Example\\, Inc., CN=…`, with a name of each
// kind below the same word (`reports.example`, `spiffe://example/reports`, `10.1.2.3`, `reports@example.test`).
import { createHash } from 'node:crypto'

/** A certificate. */
export interface Certificate {
  /** The base64 of its DER, as `x5c` has it. */
  readonly x5c: string
  /** `x5t#S256`. */
  readonly thumbprint: string
  /** As RFC 9440 puts it into a header. */
  readonly inHeader: string
  /** As nginx puts it into a header (`$ssl_client_escaped_cert`). */
  readonly escaped: string
}

/** Of the client, valid for a hundred years. */
export const REPORTS = certificate(
  [
    'MIIB0zCCAXigAwIBAgIBATAKBggqhkjOPQQDAjA3MQswCQYDVQQGEwJERTEWMBQGA1UECgwNRXhhbXBsZSwgSW5jLjEQMA4GA1UEAwwHcmVwb3',
    'J0czAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowNzELMAkGA1UEBhMCREUxFjAUBgNVBAoMDUV4YW1wbGUsIEluYy4xEDAOBgNV',
    'BAMMB3JlcG9ydHMwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATFnPEsQP/wFNRxYDMeVX1tCsBFOCc0lKBxYlmAKBzCz2oIEJBwgpZnDuQt7S',
    'bsuqz50wzT8I7EZYJoBT9XcN21o3MwcTBQBgNVHREESTBHgg9yZXBvcnRzLmV4YW1wbGWGGHNwaWZmZTovL2V4YW1wbGUvcmVwb3J0c4cECgEC',
    'A4EUcmVwb3J0c0BleGFtcGxlLnRlc3QwHQYDVR0OBBYEFCCD3zkEGn0LZlq5APv4mxkrFZZxMAoGCCqGSM49BAMCA0kAMEYCIQC59YL1vOQI9F',
    'ATHCWTd/D4S71BS/TRuAKQEo0JLJ8aJQIhAKD0BY/5AyYPY9rFryuURVoS0wJNkd3ArkXO4HYpi7Ec',
  ].join(''),
)

/** Of somebody else. */
export const OTHER = certificate(
  [
    'MIIBxzCCAW6gAwIBAgIBAjAKBggqhkjOPQQDAjA1MQswCQYDVQQGEwJERTEWMBQGA1UECgwNRXhhbXBsZSwgSW5jLjEOMAwGA1UEAwwFb3RoZX',
    'IwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMDUxCzAJBgNVBAYTAkRFMRYwFAYDVQQKDA1FeGFtcGxlLCBJbmMuMQ4wDAYDVQQD',
    'DAVvdGhlcjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEeTqnovCKlO3sIZjM1ida9lKCq3mQ2sdzla3QESkr3SoscBDKEZ/wVF1gtaC/xRL0',
    'JOBbL4ztELR5go0TQrGmqjbTBrMEoGA1UdEQRDMEGCDW90aGVyLmV4YW1wbGWGFnNwaWZmZTovL2V4YW1wbGUvb3RoZXKHBAoBAgOBEm90aGVy',
    'QGV4YW1wbGUudGVzdDAdBgNVHQ4EFgQUv+7Le80Cg7nKwBvLV8Q08RCksB4wCgYIKoZIzj0EAwIDRwAwRAIgPIH2tN4io0YBaSSlkoUcBVfNxl',
    'OvtxoRtef92NAtGvICIBa1R7hxmX/LqNtWf+w+UikdoxM+lZtEkRfsddklOSGp',
  ].join(''),
)

/** Of the client, and no longer valid. */
export const OLD = certificate(
  [
    'MIIBxDCCAWqgAwIBAgIBAzAKBggqhkjOPQQDAjA3MQswCQYDVQQGEwJERTEWMBQGA1UECgwNRXhhbXBsZSwgSW5jLjEQMA4GA1UEAwwHcmVwb3',
    'J0czAeFw0yMDAxMDEwMDAwMDBaFw0yMTAxMDEwMDAwMDBaMDcxCzAJBgNVBAYTAkRFMRYwFAYDVQQKDA1FeGFtcGxlLCBJbmMuMRAwDgYDVQQD',
    'DAdyZXBvcnRzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAETr2F3U1RdCYvmF2vwTCf6xZWqfYaU68KW50uxxY5uiXlzwBMeHe5SBsmxIDWRO',
    'G/gxUBGxCpTakPPGuDW5i486NnMGUwRAYDVR0RBD0wO4ILb2xkLmV4YW1wbGWGFHNwaWZmZTovL2V4YW1wbGUvb2xkhwQKAQIDgRBvbGRAZXhh',
    'bXBsZS50ZXN0MB0GA1UdDgQWBBSVlP6lMN5DEbK3J6zlFeHTzWt/xzAKBggqhkjOPQQDAgNIADBFAiBLhptzhHUM2DiCsVQLr9d2b+U4JuY9se',
    'Q2PBOhRZ14RAIhAI/fWPcQHPpqaDu2ej6YkBUm2ona8iQx5r/XVdFaRe8i',
  ].join(''),
)

function certificate(x5c: string): Certificate {
  const pem = `-----BEGIN CERTIFICATE-----\n${x5c.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
  return {
    x5c,
    thumbprint: createHash('sha256').update(Buffer.from(x5c, 'base64')).digest('base64url'),
    inHeader: `:${x5c}:`,
    escaped: encodeURIComponent(pem),
  }
}
