// Answers judge.py's questions with core/time, through its public door: every local time is written as text and read.
//
//   judge FOLDER --changes FROM UNTIL     every change of offset in [FROM, UNTIL): zone, instant, offset before, offset
//   after judge FOLDER --answer < questions > answers
//
// A question is binary, in the machine's byte order: uint32 length and name of a zone, uint32 count and that many local
// times, uint32 count and that many instants (all int64 seconds). Its answer, in the same order: for each local time
// the instants that `compatible`, `earlier` and `later` give and how it is known (0 once, 1 twice, 2 never), as four
// arrays; and the offset (int32) at each instant.
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "crosswalk/time.hpp"
#include "time/zone.hpp"

namespace {

using crosswalk::Disambiguation;
using crosswalk::Instant;
using crosswalk::Known;
using crosswalk::TimeFault;
using crosswalk::TimeFormat;
using crosswalk::TimeReader;
using crosswalk::Zone;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "judge: %s\n", why.c_str());
  std::exit(1);
}

template <class Value>
bool read_values(std::vector<Value>& values) {
  std::uint32_t count = 0;
  if (std::fread(&count, sizeof count, 1, stdin) != 1) return false;
  values.resize(count);
  if (std::fread(values.data(), sizeof(Value), count, stdin) != count) give_up("the questions end early");
  return true;
}

template <class Value>
void write_values(const std::vector<Value>& values) {
  std::fwrite(values.data(), sizeof(Value), values.size(), stdout);
}

/// A local time is no instant, but its digits are those of the instant with the same number.
std::string local_text(std::int64_t local) {
  char text[crosswalk::kTimeTextMax];
  char* const end = crosswalk::write_time(Instant{local, 0}, text);
  return {text, static_cast<std::size_t>(end - text) - 1};
}

std::uint8_t kind_of(Known how) {
  switch (how) {
    case Known::repeated_earlier:
    case Known::repeated_later: return 1;
    case Known::skipped_earlier:
    case Known::skipped_later: return 2;
    case Known::offset:
    case Known::unique: break;
  }
  return 0;
}

/// `reject` must refuse exactly the doubtful ones, and for the right reason.
void check_reject(TimeReader& reject, const std::string& text, std::uint8_t kind, const std::string& zone) {
  constexpr TimeFault kFaults[] = {TimeFault::none, TimeFault::repeated, TimeFault::skipped};
  if (reject.read(text).fault != kFaults[kind]) give_up("reject disagrees about " + text + " in " + zone);
}

void answer(const Zone& zone, const std::vector<std::int64_t>& locals, const std::vector<std::int64_t>& instants) {
  const TimeFormat iso;
  TimeReader readers[] = {TimeReader(iso, &zone, Disambiguation::compatible), TimeReader(iso, &zone, Disambiguation::earlier),
                          TimeReader(iso, &zone, Disambiguation::later)};
  TimeReader reject(iso, &zone, Disambiguation::reject);
  std::vector<std::int64_t> answers[3];
  std::vector<std::uint8_t> kinds;
  for (const std::int64_t local : locals) {
    const std::string text = local_text(local);
    for (std::size_t policy = 0; policy < 3; ++policy) {
      const auto reading = readers[policy].read(text);
      if (reading.fault != TimeFault::none) give_up("no answer for " + text + " in " + name_of(zone));
      answers[policy].push_back(reading.at.seconds);
      if (policy == 0) kinds.push_back(kind_of(reading.how));
      if (kind_of(reading.how) != kinds.back()) give_up("policies disagree about " + text + " in " + name_of(zone));
    }
    check_reject(reject, text, kinds.back(), name_of(zone));
  }
  for (const auto& values : answers) write_values(values);
  write_values(kinds);

  std::vector<std::int32_t> offsets;
  offsets.reserve(instants.size());
  for (const std::int64_t instant : instants) offsets.push_back(crosswalk::offset_at(zone, instant));
  write_values(offsets);
  std::fflush(stdout);
}

const Zone& find_zone(const crosswalk::ZoneDatabase& database, const std::string& name) {
  const auto zone = database.find(name);
  if (!zone) give_up(zone.error().text());
  return **zone;
}

void answer_all(const crosswalk::ZoneDatabase& database) {
  std::vector<char> name;
  std::vector<std::int64_t> locals;
  std::vector<std::int64_t> instants;
  while (read_values(name)) {
    if (!read_values(locals) || !read_values(instants)) give_up("the questions end early");
    answer(find_zone(database, {name.begin(), name.end()}), locals, instants);
  }
}

void list_changes(const crosswalk::ZoneDatabase& database, std::int64_t from, std::int64_t until) {
  for (const auto& name : database.names()) {
    if (name.kind != "iana") continue;
    const auto& spans = find_zone(database, name.name).spans();
    for (std::size_t i = 1; i < spans.size(); ++i) {
      if (spans[i].begin < from || spans[i].begin >= until) continue;
      std::printf("%s\t%" PRId64 "\t%d\t%d\n", name.name.c_str(), spans[i].begin, spans[i - 1].offset, spans[i].offset);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) give_up("usage: judge FOLDER --changes FROM UNTIL | judge FOLDER --answer");
  const auto database = crosswalk::ZoneDatabase::open(argv[1]);
  if (!database) give_up(database.error().text());
  if (std::strcmp(argv[2], "--answer") == 0) {
    answer_all(**database);
  } else if (std::strcmp(argv[2], "--changes") == 0 && argc == 5) {
    list_changes(**database, std::strtoll(argv[3], nullptr, 10), std::strtoll(argv[4], nullptr, 10));
  } else {
    give_up("unknown request");
  }
  return 0;
}
