#include "crosswalk/job.hpp"

namespace crosswalk {

std::string_view job_example() {
  return R"toml(# A job: sources are read, merged into one view, and written to every sink.
# Relative paths start from this file's folder.

[job]
external_id = "{platform}:{instance}:{id}" # also {source}, {scope}; needed when sources differ in platform or instance
instance = "main"                     # of sources that do not say theirs
memory_limit = "1GiB"                 # for the whole run; default 1GiB, at least 16MiB
order_by = "external_id"              # the default, or "started_at"
rejects = "out/rejects.jsonl"         # records that were refused; without it they are only counted
max_rejects = "1%"                    # or a number; where more are refused, nothing is delivered or published
ledger = "out/ledger.jsonl"           # what became of each record
zone_data = "/usr/share/zoneinfo"     # time zones; default: the system's

[[source]]
name = "zendesk-us"                   # unique; used below, in rejects and in the summary
adapter = "zendesk-csv"               # see crosswalk adapters; without it the adapters bid
instance = "us"                       # account of the vendor; needed where two merging sources have one platform
inputs = ["exports/zendesk/*.csv.gz"] # paths and patterns; "-" is standard input
time_zone = "Pacific Time (US & Canada)"
disambiguation = "compatible"         # hours that came twice: earlier, later, reject, or evidence
allow_empty = false                   # the default: inputs without a single record end the run
max_rejects = 100                     # of this source; default: no limit

[source.settings]                     # as with translate --set; of this source
default_channel = "email"
metadata = ["Tags", "Chat ID"]        # a list is joined by commas
max_depth = 64
channel.web = "chat"

[[source]]
name = "zendesk-eu"                   # another account, whose ticket numbers are the same
adapter = "zendesk-csv"
instance = "eu"
inputs = ["exports/zendesk-eu/*.csv"]
time_zone = "Europe/Berlin"

[[source]]
name = "chat"
adapter = "unified-inbox"
inputs = ["exports/inbox.jsonl"]
role = "merge"                        # the default: its records are conversations

[[source]]
name = "csat"
adapter = "asapp"
inputs = ["exports/csat.jsonl"]
role = "enrich"                       # fills only what a ConversationUpdate can carry
instance = "us"                       # whose conversations it is about; not needed where their platform has one instance
settings = { platform = "zendesk" }   # likewise: the platform of the conversations, where the adapter is of another one

[merge]
several = ["zendesk-us"]              # sources of which a linked group may hold several conversations

[merge.fields]                        # who is asked first; default: in the order of the sources
csat_score = ["csat", "zendesk-us"]
external_id = ["zendesk-us", "chat"]  # whose id a linked group keeps

[[merge.link]]                        # these are one conversation; external_id, a field or metadata.<key>
left = "chat.external_id"
right = "zendesk-us.metadata.Chat ID"

[ids.agents]
file = "ids/agents.csv"               # header: platform,source_id,target_id and, if wanted, instance
unknown = "keep"                      # the default, or "drop" the field, or "reject" the record

[ids.queues]
file = "ids/queues.csv"
unknown = "drop"

[ids.customers]
file = "ids/customers.csv"
unknown = "reject"

[[sink]]
type = "jsonl"                        # one conversation a line; "-" is standard output
path = "out/conversations.jsonl"
updates = "out/updates.jsonl"         # enrichment of conversations that are not in this run;
                                      # default: <path without its ending>.updates.jsonl

[[sink]]
type = "bulk"                         # bodies of API requests, one a line
path = "out/bulk.jsonl"

[[sink]]
type = "sqlite"
path = "out/conversations.db"

[[sink]]
type = "assembled"                    # delivery to the Conversations API: docs/deliver.md
url = "https://api.assembledhq.com"   # the default
api_key = { env = "ASSEMBLED_API_KEY" } # or { file = "…" }; never the key itself
journal = "out/assembled.db"          # what was delivered; stays from run to run, one for each account
updates = "out/assembled.updates.jsonl" # enrichment of conversations that were never delivered
api_version = "2026-05-24"            # header API-Version; default: not sent
batch_size = 500                      # conversations of a request
byte_limit = 4194304                  # bytes of a request
rate_per_minute = 300                 # requests
burst = 20
in_flight = 6                         # requests at once
timeout = 60                          # seconds for a request
settle = 30                           # seconds in which an accepted request may yet be applied
retries = 100                         # failed tries since something was accepted, after which the run gives up
retry_ceiling = 30                    # seconds between them at most
first_contact_timeout = 60            # seconds after which a server that was never reached is given up
accept = [202]                        # statuses that mean "accepted"; of http: [200, 201, 202, 204]
accept_unknown = false                # true: also with a body that nobody knows; errors that it reports count all the same
max_refused = "5%"                    # stop when the server refuses more: a number, or a share; default: no limit

[[sink]]
type = "http"                         # the same for another API that takes records in bulk
url = "https://etl.example.com/records"
journal = "out/etl.db"
method = "PUT"                        # default POST
update_method = "PATCH"               # for what a ConversationUpdate can carry; default: records go whole
body = '{"source":"crosswalk","records":$records}' # or array_key = "records"; default {"conversations":$records}
headers = { X-Tenant = "acme", Authorization = { env = "ETL_AUTHORIZATION" } }
)toml";
}

}  // namespace crosswalk
