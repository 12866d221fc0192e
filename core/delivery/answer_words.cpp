#include "delivery/answer_words.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <span>

#include "text.hpp"

namespace crosswalk::delivery {
namespace {

using Words = std::span<const std::string_view>;

constexpr std::string_view kTrouble[] = {
    "error",      "fail",       "reject",    "invalid",     "skip",      "ignor",    "unprocess", "exception", "refus",
    "denied",     "deny",       "discard",   "dropped",     "violation", "problem",  "conflict",  "notfound",  "missing",
    "partial",    "abort",      "cancel",    "timedout",    "forbidden", "unauthor", "notauth",   "unaccept",  "incomplete",
    "rollback",   "rolledback", "notproc",   "notaccept",   "notcreat",  "notupdat", "notstor",   "notvalid",  "unsuccess",
    "undeliver",  "badrequest", "malformed", "unsupported", "notallow",  "overload", "exceeded",  "toomany",   "toolarge",
    "unresolved", "unknownrec", "unmatched", "blocked",     "unavailab", "errno",    "errcode",   "errmsg",    "errs",
    "nosuch",     "doesnot",    "cannot",    "couldnot",    "unable",    "mismatch", "unrecogni", "quarantin"};
constexpr std::string_view kGood[] = {
    "ok",         "okay",      "success",  "successful", "successfully", "succeeded", "accepted",  "created",
    "updated",    "upserted",  "queued",   "enqueued",   "processed",    "unchanged", "ingested",  "imported",
    "received",   "stored",    "saved",    "written",    "inserted",     "modified",  "replaced",  "completed",
    "complete",   "done",      "finished", "processing", "pending",      "submitted", "scheduled", "acknowledged",
    "inprogress", "delivered", "valid",    "noop",       "true",         "yes",       "matched",   "merged"};
constexpr std::string_view kFillers[] = {"the",
                                         "a",
                                         "an",
                                         "request",
                                         "requests",
                                         "for",
                                         "has",
                                         "have",
                                         "been",
                                         "was",
                                         "were",
                                         "is",
                                         "are",
                                         "be",
                                         "will",
                                         "and",
                                         "your",
                                         "all",
                                         "of",
                                         "to",
                                         "in",
                                         "with",
                                         "by",
                                         "thank",
                                         "thanks",
                                         "you",
                                         "now",
                                         "conversation",
                                         "conversations",
                                         "record",
                                         "records",
                                         "item",
                                         "items",
                                         "batch",
                                         "bulk",
                                         "data",
                                         "shortly",
                                         "soon",
                                         "asynchronously",
                                         "async",
                                         "update",
                                         "updates",
                                         "process",
                                         "background",
                                         "we",
                                         "being",
                                         "queue",
                                         "ingest",
                                         "ingestion",
                                         "job",
                                         "as",
                                         "message",
                                         "status",
                                         "processing",
                                         "upsert",
                                         "import"};
constexpr std::string_view kState[] = {"status",     "statuscode",  "httpstatus",  "httpstatuscode", "httpcode",   "code",
                                       "result",     "outcome",     "state",       "retcode",        "returncode", "responsecode",
                                       "resultcode", "statustext",  "disposition", "response",       "ack",        "jobstatus",
                                       "jobstate",   "batchstatus", "batchstate"};
constexpr std::string_view kTaken[] = {"success",   "ok",        "succeeded", "successful",   "issuccess", "accepted",
                                       "processed", "completed", "queued",    "enqueued",     "ingested",  "imported",
                                       "handled",   "valid",     "isvalid",   "acknowledged", "delivered", "isok",
                                       "done",      "successes", "good"};
constexpr std::string_view kPart[] = {"created",   "updated",  "inserted", "upserted", "modified",
                                      "unchanged", "replaced", "matched",  "noop",     "stored",
                                      "saved",     "written",  "new",      "merged",   "changed"};
constexpr std::string_view kReceived[] = {"", "n", "received", "submitted", "length", "batch", "input", "sent"};
constexpr std::string_view kMessage[] = {"message", "msg",  "detail", "details", "description", "title",       "reason",
                                         "info",    "note", "text",   "summary", "messages",    "explanation", "comment"};
constexpr std::string_view kFlags[] = {"async",     "asynchronous", "hasmore", "more",    "cached", "deprecated", "final",
                                       "truncated", "livemode",     "created", "updated", "isnew",  "new"};
/// Of names that say nothing of records, whatever their value: as a whole, or as their end.
constexpr std::string_view kHarmless[] = {
    "took",        "version",  "limit",   "remaining",  "ttl",    "seq",         "sequence", "offset",   "page",
    "latency",     "duration", "elapsed", "retryafter", "cursor", "next",        "previous", "prev",     "self",
    "apiversion",  "method",   "path",    "region",     "env",    "environment", "host",     "server",   "object",
    "kind",        "type",     "name",    "resource",   "etag",   "hash",        "checksum", "nonce",    "trace",
    "traceparent", "tag",      "node",    "bytes",      "index",  "partition",   "shard",    "pagesize", "perpage"};
constexpr std::string_view kHarmlessEnds[] = {"id",     "uuid",    "guid",   "token",     "url",       "uri",  "href",
                                              "link",   "links",   "time",   "timestamp", "at",        "date", "ms",
                                              "millis", "seconds", "number", "version",   "requestid", "key"};
constexpr std::string_view kNotices[] = {"warning", "notice", "hint", "deprecat"};

bool one_of(std::string_view word, Words words) { return std::find(words.begin(), words.end(), word) != words.end(); }

/// Without what says only that it counts, or lists, records.
std::string_view counted(std::string_view name) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view end :
         {"counts", "count", "total", "number", "num", "records", "record", "items", "item", "conversations", "conversation",
          "rows", "size", "ids", "of", "results", "entries", "objects", "documents"}) {
      if (name.size() >= end.size() && name.ends_with(end)) {
        name.remove_suffix(end.size());
        again = true;
      }
    }
    for (const std::string_view begin : {"numberof", "num", "total", "count", "number", "records", "items", "conversations"}) {
      if (name.size() > begin.size() && name.starts_with(begin)) {
        name.remove_prefix(begin.size());
        again = true;
      }
    }
  }
  return name;
}

}  // namespace

std::string plain(std::string_view key) {
  std::string out;
  for (const char c : lower(key)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
  }
  return out;
}

std::optional<std::size_t> whole_number(std::string_view text) {
  std::size_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool speaks_of_trouble(std::string_view name) {
  if (name == "fault" || name == "faults" || name == "bad" || name == "lost" || name == "err") return true;
  return std::any_of(std::begin(kTrouble), std::end(kTrouble),
                     [&](std::string_view stem) { return name.find(stem) != std::string_view::npos; });
}

bool is_good_text(std::string_view text, std::size_t sent) {
  constexpr std::size_t kLongest = 200;
  if (text.size() > kLongest) return false;
  std::string low = lower(text);
  for (const std::string_view none : {"errors: none", "no errors", "without errors", "0 errors"}) {
    if (const std::size_t at = low.find(none); at != std::string::npos) low.replace(at, none.size(), "ok");
  }
  bool good = false;
  for (std::string_view rest = low; !rest.empty();) {
    const std::size_t end = std::min(rest.find_first_of(" \t\r\n.,;:!-_()'\""), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (word.empty()) continue;
    if (const auto number = whole_number(word)) {
      if (*number != sent && *number != 202 && *number != 200) return false;
    } else if (one_of(word, kGood)) {
      good = true;
    } else if (!one_of(word, kFillers)) {
      return false;
    }
  }
  return good;
}

State state_of_number(std::int64_t status) {
  if (status >= 200 && status < 300) return State::good;
  return status >= 300 && status < 600 ? State::bad : State::unclear;
}

State state_of_text(std::string_view text, std::size_t sent) {
  if (const auto number = whole_number(text)) {
    return *number < 1000 ? state_of_number(static_cast<std::int64_t>(*number)) : State::unclear;
  }
  const std::string word = plain(text);
  if (word.empty()) return text.empty() ? State::unsaid : State::unclear;
  if (one_of(word, kGood)) return State::good;
  if (word == "false" || word == "no" || word == "gone" || speaks_of_trouble(word)) return State::bad;
  return is_good_text(text, sent) ? State::good : State::unclear;
}

Name name_of_key(std::string_view name) {
  const auto ends = [&](std::string_view end) { return name.ends_with(end); };
  if (ends("url") || ends("href") || ends("link") || ends("links")) return Name::harmless;
  if (std::any_of(std::begin(kNotices), std::end(kNotices),
                  [&](std::string_view w) { return name.find(w) != std::string_view::npos; })) {
    return Name::notice;
  }
  if (speaks_of_trouble(name)) return Name::trouble;
  if (one_of(name, kState)) return Name::state;
  const std::string_view base = counted(name);
  if (one_of(base, kTaken)) return Name::taken;
  if (one_of(base, kPart)) return Name::part;
  if (one_of(base, kReceived)) return Name::received;
  if (one_of(name, kMessage)) return Name::message;
  if (one_of(name, kHarmless) || std::any_of(std::begin(kHarmlessEnds), std::end(kHarmlessEnds), ends)) return Name::harmless;
  return one_of(name, kFlags) ? Name::flag : Name::unknown;
}

}  // namespace crosswalk::delivery
