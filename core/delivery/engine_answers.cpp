// What is done with an answer, or with none.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "delivery/engine.hpp"
#include "delivery/state.hpp"
#include "digits.hpp"
#include "framing/json_object.hpp"

namespace crosswalk::delivery {
namespace {

constexpr unsigned kBeforeHalving = 4;     ///< tries of a request that the server fails on
constexpr unsigned kBeforeQuarters = 2;    ///< of a part of one
constexpr unsigned kBeforeAside = 8;       ///< of a record, with those of what it was a part of
constexpr unsigned kMostProbes = 64;       ///< halves are a way to find a record, not to wait for a server
constexpr unsigned kMostSuspects = 24;     ///< answers that may mean the URL or the key
constexpr unsigned kMostFailedAgain = 24;  ///< tries of what was set aside before
constexpr std::uint64_t kEnoughAtStake = 20;
constexpr unsigned kSameCause = 8;
constexpr std::size_t kMostUntold = 2000;
constexpr std::size_t kMostSaid = 300;  ///< bytes of an answer in a message

template <class Take>
void each_word(std::string_view text, const Take& take) {
  std::string word;
  for (const char c : text) {
    const bool letter =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
    if (letter) {
      word += c;
    } else {
      take(word);
      word.clear();
    }
  }
  take(word);
}

/// An answer without what can be another for each record: numbers, words with a digit in them, and the record's own.
std::string cause_of(int status, std::string_view said, std::string_view record) {
  std::set<std::string, std::less<>> own;
  each_word(record, [&](const std::string& word) { own.insert(word); });
  std::string out = fmt::format("{}", status);
  if (said.size() >= kMostSaid) said = said.substr(0, said.find_last_of(' '));  // its last word is cut
  each_word(said, [&](const std::string& word) {
    const bool number = std::any_of(word.begin(), word.end(), is_digit);
    if (!word.empty() && !number && !own.contains(word)) out.append(1, ' ').append(word);
  });
  return out;
}

/// The values of a record, as text.
std::string values_of(std::string_view record) {
  std::string out;
  json::ObjectReader reader;
  json::Member member;
  bool object = reader.start(record);
  while (object && reader.next(member)) out.append(member.text).append(1, ' ');
  return out;
}

}  // namespace

/// What the server wrote, as a part of a sentence.
std::string Engine::said(const Answer& answer) const {
  std::string text = redact_(std::string(trimmed(std::string_view(answer.body).substr(0, kKeptBody))));
  text = in_line(text, kMostSaid);
  return text.empty() ? fmt::format("{}", answer.status) : fmt::format("{}, \"{}\"", answer.status, text);
}

Result<void> Engine::settle(Done& done) {
  const auto now = Clock::now();
  Answer& answer = done.answer;
  done.item.tries += 1;
  last_answer_ = now;
  bucket_.answered(now);
  if (answer.end == Answer::End::impossible) {
    stop_with({Errc::io, fmt::format("{}: {}", rules_.url, redact_(answer.error)),
               "check the sink's url, and the certificates of the system or the sink's ca_file; nothing was sent"});
    return {};
  }
  if (answer.end != Answer::End::not_sent) unreached_.reset();
  if (answer.end == Answer::End::answered) {
    return answer.status >= 200 && answer.status < 300 ? success(done) : not_accepted(done);
  }
  if (answer.end == Answer::End::unclear) {
    done.item.doubt = true;
    bucket_.lost(now);
    if (stopping_) return {};  // it stays open in the journal
    return failed(done, redact_(answer.error), std::nullopt);
  }
  if (!unreached_) unreached_ = now;
  if (!ever_accepted_ && now - *unreached_ >= rules_.first_contact) {
    stop_with({Errc::unavailable,
               fmt::format("{}: nobody answers there, for {:.0f} s by now: {}", rules_.url,
                           std::chrono::duration<double>(now - *unreached_).count(), redact_(answer.error)),
               "nothing was ever delivered there: check the sink's url, and that this machine reaches it; then run again"});
    return {};
  }
  try_again(done, redact_(answer.error), std::nullopt);
  return {};
}

// --- successes --------------------------------------------------------------------------------------------------------

Result<void> Engine::success(Done& done) {
  const Item& item = done.item;
  const int status = done.answer.status;
  const bool means_accepted = std::find(rules_.accept.begin(), rules_.accept.end(), status) != rules_.accept.end();
  std::vector<std::string> ids;
  if (!done.answer.body.empty()) {
    FieldsReader reader;
    for (std::size_t i = 0; i < item.request.count; ++i) {
      ids.push_back(reader.external_id(item.chunk->sent[item.request.first + i]));
    }
  }
  const Asked asked{ids, std::span(item.chunk->sent).subspan(item.request.first, item.request.count),
                    array_key_of(item.run->envelope.head), rules_.accept_unknown};
  Verdict verdict = judge(done.answer, means_accepted, asked);
  switch (verdict.kind) {
    case Verdict::Kind::taken: return accepted(done);
    case Verdict::Kind::items: return settle_each(done, std::move(verdict.items), verdict.others_taken);
    case Verdict::Kind::unclear:
      done.item.doubt = true;
      return failed(done, fmt::format("the answer broke off ({})", said(done.answer)), std::nullopt);
    case Verdict::Kind::unknown: break;
  }
  stop_with({Errc::io,
             fmt::format("{}: nobody can say whether the server took {}: it answered {}; {}", rules_.url,
                         item.request.count == 1 ? "a record" : fmt::format("{} records", item.request.count), said(done.answer),
                         verdict.why),
             means_accepted
                 ? "see at the server what became of them; they are sent again by: crosswalk deliver JOB.toml --resume; if "
                   "such an answer means that all were accepted, say so in the sink: accept_unknown = true"
                 : fmt::format("if this answer means \"accepted\", say so in the sink: accept = [{}, {}]; then: "
                               "crosswalk deliver JOB.toml --resume",
                               rules_.accept.front(), status)});
  return {};
}

Result<void> Engine::note_accepted() {
  if (auto ok = in_transaction(); !ok) return ok;
  if (!bound_) {
    if (auto ok = journal_.bind_account(rules_.url, rules_.fingerprint); !ok) return ok;
    if (auto ok = journal_.mark_accepted(); !ok) return ok;
    bound_ = true;
  }
  ever_accepted_ = true;
  causes_.clear();
  failures_ = probes_ = suspects_ = failed_again_ = 0;
  if (auto ok = tell_refusals(); !ok) return ok;
  if (wait_.spoken && wait_.since && !wait_.cause.empty()) {
    const auto now = Clock::now();
    say(fmt::format("the delivery to {} goes on, after {:.0f} s", rules_.url,
                    std::chrono::duration<double>(now - *wait_.since).count()),
        now);
  }
  wait_.cause.clear();
  wait_.since.reset();
  wait_.pause = {};
  wait_.spoken = false;
  return {};
}

Result<void> Engine::accepted(Done& done) {
  const Item& item = done.item;
  if (auto ok = note_accepted(); !ok) return ok;
  if (auto ok = journal_.accept(item.request, *item.chunk, done.answer.status, wall_clock()); !ok) return ok;
  bucket_.went_well();
  counts_.accepted += item.request.count;
  counts_.bytes += item.body.size();
  return {};
}

/// The answer says of single records that they were not taken.
Result<void> Engine::settle_each(Done& done, std::vector<Verdict::Item> not_taken, bool others_taken) {
  Item& item = done.item;
  const bool gone = std::any_of(not_taken.begin(), not_taken.end(), [](const Verdict::Item& one) { return one.gone; });
  if (item.chunk->update && gone) {
    if (item.request.count > 1) return halve(done, std::nullopt);
    return send_whole(done, said(done.answer));
  }
  std::vector<Outcome> outcomes(item.request.count);
  for (Outcome& one : outcomes) one.kind = others_taken ? Outcome::Kind::taken : Outcome::Kind::again;
  std::string passing;
  const std::uint64_t accepted_before = counts_.accepted;  // those that this very answer accepts went well beside them
  for (Verdict::Item& one : not_taken) {
    Outcome& outcome = outcomes[one.index];
    const std::string words = in_line(redact_(std::move(one.said)), kMostSaid);
    if (one.again) {
      outcome.kind = Outcome::Kind::again;
      passing = words;
      continue;
    }
    outcome.kind = Outcome::Kind::refused;
    outcome.refusal = refusal_of(item, item.request.first + one.index, one.status == 0 ? done.answer.status : one.status, words);
  }
  const auto taken =
      std::count_if(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return o.kind == Outcome::Kind::taken; });
  if (auto ok = taken != 0 ? note_accepted() : in_transaction(); !ok) return ok;
  auto again =
      journal_.settle_each(item.request, *item.chunk, item.run->envelope, outcomes, done.answer.status, item.doubt, wall_clock());
  if (!again) return again.error();
  counts_.accepted += static_cast<std::uint64_t>(taken);
  if (!ever_accepted_ && !item.half) at_stake_ += item.request.count;
  for (const Outcome& outcome : outcomes) {
    if (outcome.kind != Outcome::Kind::refused) continue;
    if (auto ok = report(outcome.refusal); !ok) return ok;
    look_for_one_cause(outcome.refusal, outcome.refusal.status, outcome.refusal.message);
  }
  if (all_alike_) {
    if (auto ok = journal_.forget_refusals(); !ok) return ok;
  }
  for (Request& request : *again) {
    std::string body = item.run->envelope.body(*item.chunk, request.first, request.count);
    Item part{request, item.chunk, item.run, std::move(body)};
    part.half = true;
    part.doubt = item.doubt || !others_taken;
    part.failures = item.failures;
    if (request.count == item.request.count) part.tries = item.tries, part.own_failures = item.own_failures;
    part.accepted_before = item.accepted_before ? item.accepted_before : accepted_before;
    if (passing.empty()) {
      ready_.push_back(std::move(part));
      continue;
    }
    Done once_more{std::move(part), done.answer};
    if (auto ok = failed(once_more, passing, std::nullopt); !ok) return ok;
  }
  return {};
}

// --- refusals ---------------------------------------------------------------------------------------------------------

Result<void> Engine::not_accepted(Done& done) {
  const Answer& answer = done.answer;
  const int status = answer.status;
  const std::string words = said(answer);
  Wait asked;
  if (const auto after = retry_after(answer.retry_after, wall_clock() / 1000)) asked = *after;
  if (asked && *asked > rules_.longest_retry_after) {
    if (hooks_.note) {
      hooks_.note(fmt::format("the server asked to wait {} s; it was asked again after {} s", asked->count() / 1000,
                              rules_.longest_retry_after.count() / 1000));
    }
    asked = rules_.longest_retry_after;
  }
  if (status == 429) {
    ++counts_.limited;
    const auto now = Clock::now();
    bucket_.slow_down(now, now + asked.value_or(std::chrono::milliseconds(0)));
    try_again(done, fmt::format("the server answered {}", words), asked.value_or(std::chrono::milliseconds(0)));
    return {};
  }
  if (!answer.recode && (status == 400 || status == 413 || status == 422)) return bisect(done, words);
  if (status == 401) {
    stop_for(status, words);
    return {};
  }
  // An update of what the server does not have. That anything was accepted here before says that the URL is right.
  if ((status == 404 || status == 410) && done.item.chunk->update && ever_accepted_) {
    return done.item.request.count > 1 ? halve(done, std::nullopt) : send_whole(done, words);
  }
  if (status >= 300 && status < 400) {
    stop_with({Errc::usage,
               fmt::format("{}: the server wants it sent elsewhere ({}, to {}); the key is not sent after a redirect", rules_.url,
                           status, in_line(redact_(answer.location), 200)),
               "if you trust that address, make it the sink's url"});
    return {};
  }
  if (status == 408 || (status >= 500 && status != 501 && status != 505)) {
    done.item.doubt = true;
    return failed(done, fmt::format("the server answered {}", words), asked);
  }
  if (!answer.recode) return suspect(done, words, asked);
  try_again(done, fmt::format("the server answered {}", words), asked);
  return {};
}

void Engine::stop_for(int status, const std::string& words) {
  if (status == 401 || status == 403) {
    stop_with({Errc::usage, fmt::format("{}: the server refused the key ({})", rules_.url, words),
               "check api_key of the sink, and that the key may write conversations; then: crosswalk deliver JOB.toml --resume"});
  } else if (status == 404 || status == 410 || status == 405 || status == 501) {
    stop_with({Errc::usage, fmt::format("{}: there is no such endpoint ({})", rules_.url, words),
               "check the sink's url: for Assembled it is the base, https://api.assembledhq.com"});
  } else {
    stop_with({Errc::io, fmt::format("{}: the server answered {}", rules_.url, words),
               "nothing is lost: when that is settled, crosswalk deliver JOB.toml --resume"});
  }
}

/// An answer that means the URL, the key or the account where everything gets it, and a record where it alone does. Under a
/// journal that has something accepted, the record is looked for, and others are sent meanwhile.
Result<void> Engine::suspect(Done& done, const std::string& words, Wait asked) {
  Item& item = done.item;
  const int status = done.answer.status;
  const bool may_pass = status == 409 || status == 425;
  const std::string why = fmt::format("the server answered {}", words);
  if (!ever_accepted_) {
    if (may_pass) {
      try_again(done, why, asked);
    } else {
      stop_for(status, words);
    }
    return {};
  }
  begin_failing(item);
  if (stopping_) return {};
  if (may_pass && !tried_enough(item)) {
    if (count_failure(why)) put_back(std::move(item), why, asked);
    return {};
  }
  ++counts_.retries;
  if (resuming_) {
    if (auto ok = in_transaction(); !ok) return ok;
    return journal_.put_aside(item.request, *item.chunk, status, why, false, wall_clock());
  }
  if (item.chunk->phase() == Phase::failed) return failed_again(done, why, asked);
  const bool instead = item.chunk->phase() == Phase::whole;
  const bool nothing_left = busy_ == 0 && ready_.empty() && !held_ && plan_done_;
  const bool last_word = nothing_left && (counts_.accepted != 0 || (instead && planned_ == 1));
  if (item.request.count == 1 && (others_went_well(item) || last_word)) {
    const bool for_good = status == 404 || status == 410 || status == 451;
    return for_good ? refuse_alone(done, words) : set_aside(done, why);
  }
  if (++suspects_ > kMostSuspects) {
    stop_for(status, words);
    return {};
  }
  if (item.request.count > 1) return halve(done, std::nullopt);
  put_back(std::move(item), why, asked);
  return {};
}

/// The server refuses a whole request for one bad record. Halves find it.
Result<void> Engine::bisect(Done& done, const std::string& words) {
  if (!ever_accepted_ && !done.item.half) at_stake_ += done.item.request.count;
  return done.item.request.count > 1 ? halve(done, std::nullopt) : refuse_alone(done, words);
}

/// `wait`: when they go; at once without it.
Result<void> Engine::halve(Done& done, Wait wait) {
  Item& item = done.item;
  if (auto ok = in_transaction(); !ok) return ok;
  auto halves = journal_.split(item.request, *item.chunk, item.run->envelope, done.answer.status);
  if (!halves) return halves.error();
  for (const Request& request : {halves->second, halves->first}) {
    Item half{request, item.chunk, item.run, item.run->envelope.body(*item.chunk, request.first, request.count)};
    half.doubt = item.doubt;
    half.half = true;
    half.failures = item.failures;
    half.accepted_before = item.accepted_before;
    if (wait) {
      waiting_.emplace(Clock::now() + *wait, std::move(half));
    } else {
      ready_.push_back(std::move(half));
    }
  }
  return {};
}

ServerRefusal Engine::refusal_of(const Item& item, std::size_t i, int status, std::string said) {
  FieldsReader reader;
  ServerRefusal refusal;
  refusal.sent = item.chunk->sent[i];
  refusal.external_id = reader.external_id(refusal.sent);
  refusal.status = status;
  refusal.message = fmt::format("the server refused it: {}", said);
  return refusal;
}

/// Counts it, and stops where there are more than the sink allows.
Result<void> Engine::report(const ServerRefusal& refusal) {
  if (all_alike_) return {};
  ++counts_.refused;
  if (refusal.again) ++counts_.set_aside;
  untold_.push_back(refusal);
  if (ever_accepted_ || untold_.size() > kMostUntold) {
    if (auto ok = tell_refusals(); !ok) return ok;
  }
  if (counted_run_ != 0) {
    const std::string so_far = fmt::format("{} {} {}", counted_run_, refused_before_ + counts_.refused, planned_);
    if (auto ok = journal_.set_meta("refused_in_run", so_far); !ok) return ok;
  }
  look_at_limit(refusal.message);
  return {};
}

Result<void> Engine::tell_refusals() {
  for (const ServerRefusal& refusal : std::exchange(untold_, {})) {
    if (!hooks_.refused) continue;
    if (auto ok = hooks_.refused(refusal); !ok) return ok;
  }
  return {};
}

void Engine::look_at_limit(const std::string& last) {
  const RejectLimit& most = rules_.max_refused;
  if (!most.count && !most.percent) return;
  const std::uint64_t refused = refused_before_ + counts_.refused;
  const double share = most.percent ? *most.percent / 100 * static_cast<double>(planned_) : 0;
  // What is sent again first of all is judged by itself: the run may be planned anew, with other records.
  const std::uint64_t counted = resuming_ ? counts_.refused : refused;
  const bool too_many =
      (most.count && counted > *most.count) || (most.percent && !resuming_ && static_cast<double>(counted) > share);
  if (too_many) {
    stop_with(
        {Errc::data,
         fmt::format("{}: the server refused {} record{}, more than max_refused allows ({}); the last: {}", rules_.url, counted,
                     counted == 1 ? "" : "s",
                     most.count ? fmt::format("{}", *most.count) : fmt::format("{} % of {}", *most.percent, planned_), last),
         "see the rejects, and correct them or raise max_refused; then: crosswalk run JOB.toml"});
  }
}

Result<void> Engine::refuse_alone(Done& done, const std::string& words) {
  const Item& item = done.item;
  if (auto ok = in_transaction(); !ok) return ok;
  const ServerRefusal refusal = refusal_of(item, item.request.first, done.answer.status, words);
  if (auto ok = journal_.refuse(item.request, *item.chunk, refusal, item.doubt, wall_clock()); !ok) return ok;
  if (auto ok = report(refusal); !ok) return ok;
  look_for_one_cause(refusal, done.answer.status, words);
  if (all_alike_) return journal_.forget_refusals();  // it was not the records
  return {};
}

/// A record that is refused alone says something of itself; many that are refused alike, before any was ever accepted, say
/// something of the account, the key or the sink.
void Engine::look_for_one_cause(const ServerRefusal& refusal, int status, const std::string& words) {
  if (ever_accepted_ || stopping_) return;
  constexpr std::size_t kMostCauses = 256;
  const std::string cause = cause_of(status, words, values_of(refusal.sent));
  if (causes_.size() < kMostCauses || causes_.contains(cause)) ++causes_[cause];
  if (at_stake_ >= kEnoughAtStake && causes_[cause] >= kSameCause) {
    all_alike_ = true;
    counts_.refused -= untold_.size();
    untold_.clear();
    stop_with({Errc::io,
               fmt::format("{}: the server refuses everything alike, {} records one by one and none was ever accepted: {}",
                           rules_.url, causes_[cause], words),
               "it is hardly the records: check the account, the sink's settings and what the server asks for; then: crosswalk "
               "run JOB.toml"});
    return;
  }
  // Look elsewhere next: what lies side by side is often alike.
  if (ready_.size() > 1) {
    ready_.push_back(std::move(ready_.front()));
    ready_.pop_front();
  }
}

/// The server has not, or no longer, what an update is of.
Result<void> Engine::send_whole(Done& done, const std::string& words) {
  const Item& item = done.item;
  if (auto ok = in_transaction(); !ok) return ok;
  auto made = journal_.send_whole(item.request, *item.chunk, *item.run, done.answer.status);
  if (!made) return made.error();
  if (!*made) return refuse_alone(done, words);
  ++counts_.sent_whole;
  auto& [chunk, request] = **made;
  Item whole{request, std::make_shared<const Chunk>(std::move(chunk)), item.run, {}};
  whole.body = item.run->envelope.body(*whole.chunk, 0, 1);
  whole.doubt = item.doubt;
  ready_.push_back(std::move(whole));
  return {};
}

// --- failures ---------------------------------------------------------------------------------------------------------

/// 5xx, or no answer where one was due: the server may be in trouble, or this request may be what troubles it. Which of the two
/// is told by what becomes of others meanwhile.
Result<void> Engine::failed(Done& done, const std::string& why, Wait asked) {
  Item& item = done.item;
  begin_failing(item);
  if (stopping_) return {};
  const bool enough = tried_enough(item);
  const bool aside = item.request.count == 1 && enough && item.failures >= kBeforeAside && others_went_well(item);
  if (resuming_ || aside || item.chunk->phase() == Phase::failed) {
    ++counts_.retries;
    if (resuming_ && enough) {
      // It stands alone before the run's plan, and must not keep that back: it goes with it, whole.
      if (auto ok = in_transaction(); !ok) return ok;
      return journal_.put_aside(item.request, *item.chunk, done.answer.status, why, false, wall_clock());
    }
    if (aside) return set_aside(done, why);
    if (!resuming_) return failed_again(done, why, asked);
  } else if (!count_failure(why)) {
    return {};
  } else if (item.request.count > 1 && enough && probes_ < kMostProbes) {
    ++probes_;
    wait_.cause = why;
    return halve(done, backoff_.wait(1) + asked.value_or(std::chrono::milliseconds(0)));
  }
  put_back(std::move(item), why, asked);
  return {};
}

void Engine::begin_failing(Item& item) const {
  // What was put aside failed first in an earlier run, and all that this one delivered came after that.
  const bool again = item.chunk->phase() == Phase::put_aside || item.chunk->phase() == Phase::failed;
  if (!item.accepted_before) item.accepted_before = again ? 0 : counts_.accepted;
  ++item.failures;
  ++item.own_failures;
}

bool Engine::others_went_well(const Item& item) const { return counts_.accepted > *item.accepted_before; }

bool Engine::tried_enough(const Item& item) { return item.own_failures >= (item.half ? kBeforeQuarters : kBeforeHalving); }

/// It was set aside before. So it is no news, and no sign of an outage; a few tries tell whether it is cured.
Result<void> Engine::failed_again(Done& done, const std::string& why, Wait asked) {
  Item& item = done.item;
  const bool enough = item.own_failures >= kBeforeQuarters;
  if (++failed_again_ > kMostFailedAgain || (enough && item.request.count == 1)) return set_aside(done, why);
  if (enough) {
    wait_.cause = why;
    return halve(done, backoff_.wait(1) + asked.value_or(std::chrono::milliseconds(0)));
  }
  put_back(std::move(item), why, asked);
  return {};
}

/// A reject that each run tries again.
Result<void> Engine::set_aside(Done& done, const std::string& why) {
  const Item& item = done.item;
  if (auto ok = in_transaction(); !ok) return ok;
  if (auto ok = journal_.put_aside(item.request, *item.chunk, done.answer.status, why, true, wall_clock()); !ok) return ok;
  const bool before = item.chunk->phase() == Phase::failed;
  for (std::size_t i = item.request.first; i < item.request.first + item.request.count; ++i) {
    ServerRefusal refusal = refusal_of(item, i, done.answer.status, "");
    refusal.again = true;
    refusal.message =
        before ? fmt::format("the server failed on it in an earlier run, and does so still: {}; the next run tries it again", why)
               : fmt::format("the server failed on it {} time{} while it took others: {}; the next run tries it again",
                             item.failures, item.failures == 1 ? "" : "s", why);
    if (auto ok = report(refusal); !ok) return ok;
  }
  return {};
}

bool Engine::count_failure(const std::string& why) {
  ++counts_.retries;
  if (++failures_ <= rules_.retries) return true;
  stop_with({Errc::unavailable, fmt::format("{}: gave up after {} failed tries; the last: {}", rules_.url, failures_, why),
             "nothing is lost: when the server can be reached, crosswalk deliver JOB.toml --resume"});
  return false;
}

void Engine::try_again(Done& done, const std::string& why, Wait asked) {
  if (stopping_ || !count_failure(why)) return;
  put_back(std::move(done.item), why, asked);
}

void Engine::put_back(Item item, const std::string& why, Wait asked) {
  const auto now = Clock::now();
  if (wait_.cause.empty()) wait_.since = now;
  wait_.cause = why;
  std::chrono::milliseconds wait = backoff_.wait(item.tries);
  if (asked) wait += *asked;
  auto at = now + wait;
  // The last try is made when the time is up, and not behind it.
  if (unreached_ && !ever_accepted_) at = std::min(at, std::max(now + rules_.first_wait, *unreached_ + rules_.first_contact));
  waiting_.emplace(at, std::move(item));
}

}  // namespace crosswalk::delivery
