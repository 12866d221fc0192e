#include "usage.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string>

#include "crosswalk/translate.hpp"

namespace crosswalk::cli {
namespace {

Error usage(std::string message, std::string cure) { return {Errc::usage, std::move(message), std::move(cure)}; }

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands({})) names.push_back(verb->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& of) {
  std::vector<std::string> names;
  for (const CLI::Option* option : of.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// As it is called on the command line: `crosswalk`, `crosswalk translate`.
std::string called(const CLI::App& verb) {
  return verb.get_parent() == nullptr ? verb.get_name() : called(*verb.get_parent()) + " " + verb.get_name();
}

/// What a verb takes beside options, in order.
std::vector<const CLI::Option*> positionals(const CLI::App& verb) {
  std::vector<const CLI::Option*> all;
  for (const CLI::Option* option : verb.get_options()) {
    if (option->get_positional()) all.push_back(option);
  }
  return all;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }
bool may_come_again(const CLI::Option& option) { return option.get_items_expected_max() > 1; }

Error unknown_option(const CLI::App& app, const CLI::App& verb, const std::string& name) {
  const std::string message =
      &verb == &app ? fmt::format("there is no option {}", name) : fmt::format("{} has no option {}", verb.get_name(), name);
  if (&verb != &app && app.get_option_no_throw(name) != nullptr)
    return usage(message, fmt::format("without a verb there is: {} {}", called(app), name));
  if (&verb == &app) {
    for (const CLI::App* other : app.get_subcommands({})) {
      if (other->get_option_no_throw(name) == nullptr) continue;
      return usage(message, fmt::format("options come behind the verb: {} {}", called(*other), name));
    }
  }
  const std::vector<std::string> names = option_names(verb);
  const std::string_view near = nearest("--" + name.substr(std::min(name.find_first_not_of('-'), name.size())), names);
  return usage(message,
               near.empty() ? fmt::format("{} --help lists its options", called(verb)) : fmt::format("did you mean {}?", near));
}

}  // namespace

Error usage_error(const CLI::App& app, const std::vector<std::string_view>& arguments) {
  const CLI::App* verb = &app;
  std::vector<const CLI::Option*> inputs;
  std::size_t met = 0;  // of them, how many are complete
  bool any = false;     // the one after those was given, and may come again
  bool options_ended = false;
  std::set<const CLI::Option*> given;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--" && !options_ended) {
      options_ended = true;
      continue;
    }
    if (options_ended || !argument.starts_with('-') || argument == "-") {
      if (verb == &app) {
        const std::vector<std::string> names = verb_names(app);
        if (std::find(names.begin(), names.end(), argument) == names.end()) {
          return usage(fmt::format("there is no verb \"{}\"", argument), choices(argument, names));
        }
        verb = app.get_subcommand(std::string(argument));
        inputs = positionals(*verb);
      } else if (met < inputs.size()) {
        any = may_come_again(*inputs[met]);
        if (!any) ++met;
      } else if (!inputs.empty()) {
        return usage(fmt::format("{}: \"{}\" is one too many", verb->get_name(), argument),
                     fmt::format("{} --help shows an example", called(*verb)));
      } else {
        return usage(fmt::format("{} takes options only; \"{}\" is none", verb->get_name(), argument),
                     fmt::format("{} --help shows an example", called(*verb)));
      }
      continue;
    }
    const std::size_t equals = argument.find('=');
    const std::string name(argument.substr(0, equals));
    const CLI::Option* option = verb->get_option_no_throw(name);
    if (option == nullptr) return unknown_option(app, *verb, name);
    if (!takes_value(*option)) {
      if (equals != std::string_view::npos) return usage(fmt::format("{} takes no value", name), fmt::format("write {}", name));
      continue;
    }
    const bool empty = equals + 1 == argument.size();  // which CLI11 fills with the argument behind it
    if (empty || (equals == std::string_view::npos && ++i == arguments.size())) {
      return usage(fmt::format("{} needs a value", name), fmt::format("write {} {}", name, option->get_type_name()));
    }
    if (!may_come_again(*option) && !given.insert(option).second) {
      return usage(fmt::format("{} is given twice", name), "give it once");
    }
  }
  if (verb == &app) {
    return usage("no verb is given",
                 fmt::format("one of: {}; {} --help says what they do", fmt::join(verb_names(app), ", "), called(app)));
  }
  for (std::size_t i = met; i < inputs.size(); ++i) {
    if (!inputs[i]->get_required() || (i == met && any)) continue;
    return usage(fmt::format("{}: no {} is given", verb->get_name(), inputs[i]->get_name()),
                 fmt::format("name {}", inputs[i]->get_description()));
  }
  return usage(fmt::format("{}: the arguments cannot be understood", verb->get_name()),
               fmt::format("{} --help lists its options and shows an example", called(*verb)));
}

}  // namespace crosswalk::cli
