#include "delivery/delivery_sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <random>

#include "delivery/address.hpp"
#include "delivery/engine.hpp"
#include "delivery/journal.hpp"
#include "delivery/planner.hpp"
#include "delivery/secret.hpp"
#include "delivery/transport.hpp"
#include "encode/json_text.hpp"
#include "encode/reject_json.hpp"
#include "framing/json_object.hpp"
#include "io/input.hpp"
#include "io/spilled_text.hpp"
#include "sinks/output.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

using namespace delivery;

constexpr std::string_view kRefusedCode = "refused_by_server", kFailedCode = "failed_at_server";
constexpr std::size_t kMostListed = 1000;  ///< ids in the summary; plan --json has them all

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::llround(seconds * 1000)));
}

class Delivery final : public DeliverySink {
 public:
  Delivery(const JobSink& sink, DeliveryOptions options, DeliveryHooks hooks)
      : sink_(sink), config_(sink_.delivery), options_(std::move(options)), hooks_(std::move(hooks)) {}

  Result<void> open() {
    PlanRules rules;
    rules.envelope = {config_.body_head, config_.body_tail, config_.method, config_.update_method};
    rules.batch_size = config_.batch_size;
    rules.byte_limit = config_.byte_limit;
    rules.settle_ms = milliseconds(config_.settle).count();
    rules.full = options_.full;
    rules.again = options_.full || options_.only.has_value();
    rules.part = options_.only.has_value();
    Result<HttpTarget> target = account();
    // A plan sends nothing, so it can do without the key; then whose journal it is cannot be checked.
    if (!target && !options_.look) return target.error();
    auto journal = Journal::open(sink_.path, options_.look ? Journal::Use::look : Journal::Use::run);
    if (!journal) return journal.error();
    journal_ = std::move(*journal);
    if (target) {
      if (auto ok = journal_->check_account(config_.url, fingerprint_, options_.new_key); !ok) return ok;
      if (options_.new_key && !options_.look) {
        if (auto ok = bind_anew(); !ok) return ok;
      }
    }
    if (auto ok = check_template(); !ok) return ok;
    if (options_.list) accounts_.list = list_ = std::make_shared<SpilledText>();
    planner_.emplace(*journal_, std::move(rules));
    if (options_.look) return look_at_open_requests();
    engine_ = make_engine(std::move(*target));
    sending_again_ = true;
    auto sent_again = finished(engine_->resume());
    sending_again_ = false;
    count_sent();
    if (!sent_again) return sent_again;
    return open_updates();
  }

  Result<void> conversation(std::string_view line) override {
    ++conversations_;
    return plan(line, false);
  }
  void come_from(std::string_view source) override { source_ = source; }
  void identity(IdentityFacts facts) override { facts_ = std::move(facts); }
  Result<void> update(std::string_view line) override {
    ++updates_;
    return plan(line, true);
  }
  Result<void> reject(std::string_view) override { return {}; }

  Result<void> finish(std::string_view) override {
    if (auto ok = start_plan(); !ok) return ok;
    if (facts_ && !options_.only) {
      if (auto ok = account_absent(); !ok) return ok;
      const auto put = [this](std::string_view part, std::string_view whole) { return journal_->put_part(part, whole); };
      if (auto ok = facts_->each_linked(put); !ok) return ok;
    }
    if (auto ok = planner_->finish(); !ok) return ok;
    const PlanCounts& counts = planner_->counts();
    accounts_.joined_early = counts.joined_early;
    accounts_.created = counts.of(Action::create);
    accounts_.changed = counts.of(Action::overwrite);
    accounts_.unsettled = counts.of(Action::settle);
    accounts_.patchable = counts.of(Action::patch);
    accounts_.unchanged = counts.of(Action::unchanged);
    accounts_.refused_before = counts.of(Action::refused) - told_again_;
    accounts_.unpatchable = counts.of(Action::unknown);
    accounts_.waiting = counts.waiting;
    accounts_.requests = counts.requests;
    accounts_.minutes = static_cast<double>(counts.requests + accounts_.resend) / config_.rate_per_minute;
    total_bytes_ = counts.bytes;
    if (!options_.requests.empty()) return write_requests();
    return {};
  }

  Result<void> commit() override {
    if (options_.look) return {};
    if (updates_file_) {
      if (auto ok = updates_file_->commit(); !ok) return ok;
    }
    auto run = journal_->last_run();
    if (!run) return run.error();
    return send(**run);
  }

  Result<bool> can_resume() override {
    auto run = journal_->last_run();
    if (!run) return run.error();
    if (!*run || (*run)->finished) return true;
    return (*run)->planned && (*run)->origin == options_.origin;
  }

  Result<void> resume() override {
    auto run = journal_->last_run();
    if (!run) return run.error();
    if (!*run || (*run)->finished) {
      note("nothing was left to send");
      accounts_.delivered = true;
      return {};
    }
    if (auto ok = planner_->add_aside((*run)->id); !ok) return ok;
    auto left = journal_->left((*run)->id);
    if (!left) return left.error();
    note(fmt::format("went on with the plan of the run of {}: {} conversations in {} requests were left", (*run)->started_at,
                     left->records, left->requests));
    accounts_.requests = left->requests;
    return send(**run);
  }

  [[nodiscard]] const DeliveryAccounts& accounts() const override { return accounts_; }
  [[nodiscard]] std::string_view path() const override { return sink_.path; }
  [[nodiscard]] std::uint64_t conversations() const override { return conversations_; }
  [[nodiscard]] std::uint64_t updates() const override { return updates_; }
  [[nodiscard]] std::uint64_t bytes() const override { return engine_ ? engine_->counts().bytes : 0; }

 private:
  void note(std::string text) const {
    if (hooks_.note) hooks_.note(std::move(text));
  }

  /// The server's address with its secrets.
  Result<HttpTarget> account() {
    HttpTarget target;
    target.url = config_.url;
    target.ca_file = config_.ca_file;
    target.direct = is_loopback(host_of(config_.url));
    target.timeout = milliseconds(config_.timeout);
    std::vector<std::string> secrets;
    if (!config_.api_key.env.empty() || !config_.api_key.file.empty()) {
      auto key = read_secret(config_.api_key, "api_key");
      if (!key) return key.error();
      if (key->find(':') != std::string::npos) {
        return Error{Errc::usage, "api_key: a key with a colon cannot be the user name of Basic authentication",
                     "give the key alone, without a password behind it"};
      }
      target.user = *key;
      secrets.push_back(std::move(*key));
    }
    for (const JobDelivery::Header& header : config_.headers) {
      std::string value = header.value;
      if (value.empty()) {
        auto secret = read_secret(header.secret, "headers." + header.name);
        if (!secret) return secret.error();
        value = *secret;
        secrets.push_back(std::move(*secret));
      }
      target.headers.emplace_back(header.name, std::move(value));
    }
    for (const std::string& secret : secrets) redact_.add(secret);
    auto print = fingerprint(config_.url, secrets);
    if (!print) return print.error();
    fingerprint_ = std::move(*print);
    return target;
  }

  Result<void> bind_anew() {
    if (auto ok = journal_->begin(); !ok) return ok;
    if (auto ok = journal_->bind_account(config_.url, fingerprint_); !ok) return ok;
    return journal_->commit();
  }

  /// With another template every conversation would be made anew beside the old one.
  Result<void> check_template() {
    auto delivered = journal_->meta("template");
    if (!delivered) return delivered.error();
    const std::string now = template_text();
    if (delivered->empty() || *delivered == now || options_.new_ids || !journal_->has_conversations()) return {};
    const std::string message = fmt::format(
        "{}: the job's external_id is \"{}\", and what was delivered has ids by \"{}\": every conversation would be "
        "there twice, under its old id and its new one",
        sink_.path, in_line(now), in_line(*delivered));
    if (options_.look) {
      note(message + "; run refuses that without --new-ids");
      return {};
    }
    return Error{Errc::usage, message,
                 "put the old template back; or, if that is meant, say --new-ids and remove the old ones at the server: the "
                 "summary lists them"};
  }
  [[nodiscard]] std::string template_text() const { return options_.id_template.empty() ? "{id}" : options_.id_template; }

  /// What was delivered earlier and is in this run no more, or as a part of another conversation.
  Result<void> account_absent() {
    return planner_->each_absent(facts_->sources, [this](const Planner::Absent& absent) -> Result<void> {
      const std::string_view now = facts_->survivor ? facts_->survivor(absent.external_id) : std::string_view();
      const bool part = !now.empty() && now != absent.external_id;
      if (!part && !absent.spanned) return {};
      auto news = journal_->tell_gone(absent.external_id);
      if (!news) return news.error();
      count_absent(part ? accounts_.parts : accounts_.no_longer, absent.external_id, now, *news);
      accounts_.some_rejected = facts_->some_rejected;
      return options_.list ? list_absent(absent.external_id, now, part, *news) : Result<void>();
    });
  }
  static void count_absent(DeliveryAccounts::Absent& to, std::string_view external_id, std::string_view now, bool news) {
    const auto at = std::min<std::size_t>(news ? to.news : to.ids.size(), kMostListed);
    ++to.all;
    if (news) ++to.news;
    if (at == kMostListed) return;
    if (to.ids.size() == kMostListed) to.ids.pop_back();
    to.ids.emplace(to.ids.begin() + static_cast<std::ptrdiff_t>(at), external_id, now);
  }
  Result<void> list_absent(std::string_view external_id, std::string_view now, bool part, bool news) {
    Buffer out;
    out.add(list_->empty() ? "{\"external_id\":" : ",{\"external_id\":");
    add_json_string(out, external_id);
    out.add(part ? ",\"action\":\"part_of_another\",\"now\":" : ",\"action\":\"no_longer_produced\"");
    if (part) add_json_string(out, now);
    out.add(news ? ",\"told\":false}" : ",\"told\":true}");
    return list_->add(out.view());
  }

  std::unique_ptr<Engine> make_engine(HttpTarget target) {
    EngineRules rules;
    rules.limits = {config_.rate_per_minute / 60.0, config_.burst, config_.in_flight};
    rules.retries = config_.retries;
    rules.longest_wait = milliseconds(config_.retry_ceiling);
    rules.first_wait = std::max(std::chrono::milliseconds(1), std::min(rules.first_wait, rules.longest_wait / 8));
    rules.first_contact = milliseconds(config_.first_contact_timeout);
    rules.accept = config_.accept;
    rules.accept_unknown = config_.accept_unknown;
    rules.max_refused = config_.max_refused;
    rules.url = config_.url;
    rules.fingerprint = fingerprint_;
    rules.seed = std::random_device()();
    EngineHooks hooks;
    hooks.cancelled = hooks_.cancelled;
    hooks.note = hooks_.note;
    hooks.waiting = hooks_.waiting;
    hooks.progress = [this](const EngineCounts& counts) {
      if (hooks_.progress) hooks_.progress({counts.accepted + counts.refused, counts.bytes, total_bytes_});
    };
    hooks.refused = [this](const ServerRefusal& refusal) {
      if (sending_again_) told_.insert(refusal.external_id);
      return put_reject(refusal);
    };
    return std::make_unique<Engine>(*journal_, std::move(rules), http_transport(std::move(target), stop_), stop_, redact_,
                                    std::move(hooks));
  }

  Result<void> look_at_open_requests() {
    auto open = journal_->open_requests();
    if (!open) return open.error();
    accounts_.resend = open->size();
    return journal_->assume_accepted();
  }

  Result<void> open_updates() {
    if (sink_.updates.empty()) return {};
    auto file = OutputFile::open(sink_.updates, "the sink's updates");
    if (!file) return file.error();
    updates_file_ = std::move(*file);
    return {};
  }

  /// The plan's transaction begins with the first line, so that a run which fails while it reads leaves the journal alone.
  Result<void> start_plan() {
    if (started_) return {};
    started_ = true;
    auto last = journal_->last_run();
    if (!last) return last.error();
    if (*last && (*last)->planned && !(*last)->finished && !options_.look) {
      auto left = journal_->left_over();
      if (!left) return left.error();
      if (*left != 0) {
        note(fmt::format("the run of {} was cut off with {} conversations left to send; they were planned anew{}",
                         (*last)->started_at, *left,
                         (*last)->origin == options_.origin ? "" : ", because the job or its inputs changed since"));
      }
    }
    if (auto ok = planner_->start(options_.origin); !ok) return ok;
    return options_.look ? Result<void>() : journal_->set_meta("template", template_text());
  }

  Result<void> plan(std::string_view line, bool update) {
    if (auto ok = start_plan(); !ok) return ok;
    if (options_.only && !options_.only->contains(reader_.external_id(line))) {
      ++accounts_.left_out;
      return {};
    }
    auto decision = update ? planner_->update(line) : planner_->conversation(line, source_);
    if (!decision) return decision.error();
    if (options_.list) {
      if (auto ok = list(*decision, update); !ok) return ok;
    }
    if (!decision->was_part_of.empty()) {
      if (accounts_.parted.size() < kMostListed) accounts_.parted.emplace_back(decision->external_id, decision->was_part_of);
      ++accounts_.no_longer_part;
    }
    if (decision->action == Action::unknown && updates_file_) {
      if (auto ok = updates_file_->write(line); !ok) return ok;
    }
    if (decision->action == Action::refused && told_.contains(decision->external_id)) {
      ++told_again_;
    } else if (decision->action == Action::refused && !options_.look) {
      ServerRefusal refusal{decision->external_id, decision->sent, decision->refusal, decision->status, false};
      refusal.message += " (in an earlier run; it did not change since)";
      return put_reject(refusal);
    }
    return {};
  }

  Result<void> list(const Decision& decision, bool update) {
    Buffer out;
    out.add(list_->empty() ? "{\"external_id\":" : ",{\"external_id\":");
    add_json_string(out, decision.external_id);
    out.add(",\"action\":");
    add_json_string(out, name_of(decision.action));
    if (update) out.add(",\"update\":true");
    if (!decision.was_part_of.empty()) {
      out.add(",\"was_part_of\":");
      add_json_string(out, decision.was_part_of);
    }
    if (!decision.changed.empty()) {
      out.add(",\"fields\":[");
      for (std::size_t i = 0; i < decision.changed.size(); ++i) {
        if (i != 0) out.add(',');
        add_json_string(out, decision.changed[i]);
      }
      out.add(']');
    }
    out.add('}');
    return list_->add(out.view());
  }

  Result<void> put_reject(const ServerRefusal& refusal) {
    if (!hooks_.rejected) return {};
    Reject reject;
    reject.source = sink_.type == JobSink::Type::assembled ? "assembled" : "http";
    reject.file = config_.url;
    reject.code = refusal.again ? kFailedCode : kRefusedCode;
    reject.field = "external_id";
    reject.found = refusal.external_id;
    reject.message = refusal.message;
    reject.cure = refusal.again ? "see at the server why it fails on this record; each run tries it again"
                                : "correct it in the source or on the server; then: crosswalk replay REJECTS JOB.toml";
    reject.record = refusal.sent;
    reject.record_size = refusal.sent.size();
    Buffer line;
    add_reject(line, reject);
    return hooks_.rejected(line.view());
  }

  void count_sent() {
    const EngineCounts& counts = engine_->counts();
    accounts_.sent = counts.requests;
    accounts_.resent = counts.resent;
    accounts_.retries = counts.retries;
    accounts_.limited = counts.limited;
    accounts_.accepted = counts.accepted;
    accounts_.refused = counts.refused;
    accounts_.set_aside = counts.set_aside;
    accounts_.sent_whole = counts.sent_whole;
  }

  /// A stop by signal has no text of its own.
  [[nodiscard]] Result<void> finished(Result<void> result) const {
    if (!result && result.error().code == Errc::closed) {
      return Error{Errc::io, "interrupted; what was on its way is in the journal, and nothing is lost",
                   "crosswalk deliver JOB.toml --resume goes on"};
    }
    return result;
  }

  Result<void> send(const RunRow& run) {
    auto ok = finished(engine_->deliver(run, accounts_.refused_before));
    count_sent();
    if (!ok) return ok;
    if (auto done = journal_->finish_run(run.id); !done) return done;
    accounts_.delivered = true;
    return {};
  }

  /// What a run would send, byte for byte, in its order; without secrets.
  Result<void> write_requests() {
    std::error_code failed;
    std::filesystem::create_directories(options_.requests, failed);
    const auto write = [](const std::string& path, std::string_view bytes) -> Result<void> {
      auto file = OutputFile::open(path, "--requests");
      if (!file) return file.error();
      if (auto ok = (*file)->write(bytes); !ok) return ok;
      return (*file)->commit();
    };
    const Envelope envelope{config_.body_head, config_.body_tail, config_.method, config_.update_method};
    std::string index;
    std::int64_t at = 0;
    for (int number = 1;; ++number) {
      auto chunk = journal_->next_chunk(-1, at);
      if (!chunk) return chunk.error();
      if (!*chunk) break;
      at = (*chunk)->seq;
      const std::string& method = (*chunk)->update ? envelope.update_method : envelope.method;
      const std::string name = fmt::format("{:06}-{}.json", number, method);
      const std::string body = envelope.body(**chunk, 0, (*chunk)->sent.size());
      if (auto ok = write((std::filesystem::path(options_.requests) / name).string(), body); !ok) return ok;
      Buffer url;
      add_json_string(url, config_.url);
      index += fmt::format("{{\"body\":\"{}\",\"method\":\"{}\",\"url\":{},\"records\":{},\"bytes\":{}}}\n", name, method,
                           url.view(), (*chunk)->sent.size(), body.size());
    }
    return write((std::filesystem::path(options_.requests) / "requests.jsonl").string(), index);
  }

  const JobSink sink_;
  const JobDelivery& config_;
  DeliveryOptions options_;
  DeliveryHooks hooks_;
  Redactor redact_;
  std::string fingerprint_;
  std::atomic<bool> stop_ = false;
  std::unique_ptr<Journal> journal_;
  std::optional<Planner> planner_;
  std::unique_ptr<OutputFile> updates_file_;
  FieldsReader reader_;
  std::string source_;
  bool sending_again_ = false;
  std::set<std::string, std::less<>> told_;  ///< refused when it was sent again: rejects of this run already
  std::uint64_t told_again_ = 0;
  std::optional<IdentityFacts> facts_;
  std::shared_ptr<SpilledText> list_;
  bool started_ = false;
  std::uint64_t conversations_ = 0, updates_ = 0, total_bytes_ = 0;
  DeliveryAccounts accounts_;
  std::unique_ptr<Engine> engine_;  // the last, so that its threads end first
};

}  // namespace

Result<std::unique_ptr<DeliverySink>> open_delivery_sink(const JobSink& sink, DeliveryOptions options, DeliveryHooks hooks) {
  auto delivery = std::make_unique<Delivery>(sink, std::move(options), std::move(hooks));
  if (auto ok = delivery->open(); !ok) return ok.error();
  return std::unique_ptr<DeliverySink>(std::move(delivery));
}

Result<std::set<std::string>> refused_ids(const std::string& rejects) {
  auto input = open_input(rejects);
  if (!input) return input.error();
  std::set<std::string> ids;
  std::uint64_t others = 0, number = 0;
  json::ObjectReader reader;
  FieldsReader records;
  const auto take = [&](std::string_view line) -> Result<void> {
    ++number;
    if (all_blank(line)) return {};
    std::string code, found, record;
    json::Member member;
    bool object = reader.start(line);
    while (object && reader.next(member)) {
      if (member.key == "code") code = member.text;
      if (member.key == "found") found = member.text;
      if (member.key == "record") record = member.text;
    }
    if (!object || reader.broken() || code.empty()) {
      return Error{Errc::usage, fmt::format("{}:{}: this is not a reject as crosswalk writes them", rejects, number),
                   "name the file that --rejects, or the job's rejects, was"};
    }
    if (code != kRefusedCode && code != kFailedCode) {
      ++others;
      return {};
    }
    std::string id = records.external_id(record);
    ids.insert(id.empty() ? found : id);  // a long record is cut
    return {};
  };
  std::string rest, block(std::size_t{1} << 16, '\0');
  for (;;) {
    auto got = input->bytes->read(block.data(), block.size());
    if (!got) return got.error();
    if (*got == 0) break;
    rest.append(block, 0, *got);
    std::size_t begin = 0;
    for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n', begin)) {
      if (auto ok = take(std::string_view(rest).substr(begin, end - begin)); !ok) return ok.error();
      begin = end + 1;
    }
    rest.erase(0, begin);
  }
  if (auto ok = take(rest); !ok) return ok.error();
  if (ids.empty()) {
    return Error{Errc::usage,
                 fmt::format("{}: no server refused any of these{}", rejects,
                             others == 0 ? "" : fmt::format("; {} are of sources", others)),
                 others == 0 ? "there is nothing to send again"
                             : "when their cause is cured, crosswalk run delivers them: what is unchanged is not sent again"};
  }
  return ids;
}

}  // namespace crosswalk
