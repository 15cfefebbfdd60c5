// docs/reference/metrics.md, made from the table of metrics.
import { type MetricRow, metricGroups } from '../../server/http/metric-table.ts'

/** The text of the page. */
export function metricsPage(): string {
  return `${[INTRODUCTION, ...metricGroups.map(group), ALERTS].join('\n\n')}\n`
}

const INTRODUCTION = `<!-- Written from server/http/metric-table.ts by \`npm run docs\`; a test compares. -->
# Metrics

\`GET /metrics\` on the management port (\`MANAGEMENT_HOST\`, \`MANAGEMENT_PORT\`; 127.0.0.1:9464), in the text format of Prometheus. With
\`WORKERS\` the first process answers for all of them together; a worker that does not answer within 2.5 seconds is left out, and
\`latchkey_processes\` says how many did.

\`\`\`yaml
scrape_configs:
  - job_name: latchkey
    scrape_interval: 15s
    static_configs:
      - targets: ["127.0.0.1:9464"]
\`\`\`

To be asked from another machine, set \`MANAGEMENT_HOST\` to an address of a private network. The port knows no passwords: keep it
from the world.

No label holds a client id, an address, a token or anything else that a stranger can make up, so that nobody outside decides how many
series there are. What happened to whom is in the audit log. Beside the metrics below there are those of every Node program
(\`process_…\`, \`nodejs_…\`: memory, CPU, event loop, garbage collection).`

const ALERTS = `## Alerts worth having

| alert | expression | what it says |
|---|---|---|
| Refresh tokens are reused | \`sum(increase(latchkey_refreshes_total{outcome="reused"}[15m])) > 3\` | Each is a stolen token or an app that keeps old ones; the audit log (\`refresh_token.reused\`) has the clients and accounts. |
| Refreshes fail | \`sum(rate(latchkey_refreshes_total{outcome=~"unknown\\|foreign\\|ahead\\|malformed"}[5m])) > 0.1 * sum(rate(latchkey_refreshes_total[5m]))\` | More than a tenth: an app is broken, or people were signed out by mistake. \`ahead\` alone: a database was restored. |
| Codes are replayed | \`sum(increase(latchkey_authorization_codes_total{outcome="replayed"}[15m])) > 3\` | Somebody reads redirects, or an app redeems twice. |
| Passwords are guessed | \`sum(rate(latchkey_sign_ins_total{outcome=~"wrong_password\\|unknown_account\\|too_many_failures"}[5m])) > 5 * sum(rate(latchkey_sign_ins_total{outcome="succeeded"}[5m])) + 0.5\` | Far more failures than successes. |
| Sign-in is too busy | \`sum(rate(latchkey_sign_ins_total{outcome="busy"}[5m])) > 0\` | More sign-ins than the machine can hash. |
| Apps do not hear of sign-outs | \`sum(increase(latchkey_logout_notifications_total{outcome="given_up"}[1h])) > 0\` | Somebody may still be signed in there; the audit log (\`logout_notification.failed\`) has the clients and reasons. |
| Webhooks are not told | \`sum(increase(latchkey_webhook_deliveries_total{outcome="given_up"}[1h])) > 0\` | A program has not heard for a day; the audit log (\`webhook_delivery.failed\`) has the webhooks and reasons. |
| A store is down | \`min(latchkey_store_up) by (instance, store) == 0\` | For a minute: people cannot sign in (\`redis\`), or nothing works (\`postgres\`). |
| The pool is too small | \`max_over_time(latchkey_database_pool_waiting[5m]) > 10\` | Queries wait for connections. |
| Requests fail | \`sum(rate(latchkey_http_requests_total{status=~"5.."}[5m])) > 0.01 * sum(rate(latchkey_http_requests_total[5m]))\` | More than one in a hundred. |
| Tokens are slow | \`histogram_quantile(0.99, sum(rate(latchkey_http_request_duration_seconds_bucket{route="token"}[5m])) by (le)) > 0.25\` | One in a hundred takes longer than a quarter of a second. |
| Background work stands still | \`time() - latchkey_task_last_success_timestamp_seconds > 3600\` | For an hour; the log has the reason. |
| Expired rows pile up | \`latchkey_purge_backlog_rows > 100000 and deriv(latchkey_purge_backlog_rows[1h]) > 0\` | The purge does not keep up. |
| A worker hangs | \`latchkey_processes < 2\` | With two workers; \`/readyz\` says the same. |`

function group({ title, rows }: (typeof metricGroups)[number]): string {
  const lines = rows.map((row) => `| \`${row.name}\` | ${row.kind} | ${labelsOf(row)} | ${row.meaning} |`)
  return [`## ${title}`, '', '| metric | kind | labels | meaning |', '|---|---|---|---|', ...lines].join('\n')
}

function labelsOf({ labels }: MetricRow): string {
  const told = Object.entries(labels).map(([label, values]) => {
    const words = typeof values === 'string' ? values : values.map((value) => `\`${value}\``).join(', ')
    return `\`${label}\`: ${words}`
  })
  return told.length === 0 ? 'none' : told.join('; ')
}
