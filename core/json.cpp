#include "crosswalk/json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace crosswalk {
namespace {

constexpr std::size_t kStep = 2;
constexpr std::size_t kDeepest = 1000;

/// As the library writes it, of which only texts and numbers are made: those need no memory to be taken apart.
std::string written(const nlohmann::json& scalar) {
  return scalar.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

/// From what the parser meets, one after the other.
class JsonBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit JsonBuilder(Json& root) : root_(root) {}

  bool null() override { return put(Json()); }
  bool boolean(bool value) override { return put(Json(value)); }
  bool number_integer(number_integer_t value) override { return put(Json(value)); }
  bool number_unsigned(number_unsigned_t value) override { return put(Json(value)); }
  bool number_float(number_float_t value, const string_t&) override { return put(Json(value)); }
  bool string(string_t& value) override { return put(Json(std::string_view(value))); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return begin(Json::object()); }
  bool start_array(std::size_t) override { return begin(Json::array()); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }
  bool key(string_t& name) override {
    name_ = name;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  /// Of a name that comes twice the last value counts.
  Json& place() {
    if (open_.empty()) return root_;
    Json& in = *open_.back();
    if (in.is_object()) return in[name_];
    in.push_back(Json());
    return in.items_.back();
  }
  bool put(Json value) {
    place() = std::move(value);
    return true;
  }
  bool begin(Json value) {
    if (open_.size() == kDeepest) return false;
    Json& at = place();
    at = std::move(value);
    open_.push_back(&at);  // nothing is added beside it before it ends
    return true;
  }
  bool end() {
    open_.pop_back();
    return true;
  }

  Json& root_;
  std::vector<Json*> open_;
  std::string name_;
};

Json::Json(double number) : kind_(Kind::scalar), text_(written(number)) {}

Json::Json(const std::vector<std::string>& texts) : kind_(Kind::array) {
  for (const std::string& text : texts) push_back(text);
}

Json::Json(std::initializer_list<Json> values) {
  const auto is_member = [](const Json& value) {
    return value.kind_ == Kind::array && value.items_.size() == 2 && value.items_.front().kind_ == Kind::text;
  };
  if (!std::all_of(values.begin(), values.end(), is_member)) {
    kind_ = Kind::array;
    items_ = values;
    return;
  }
  kind_ = Kind::object;
  for (const Json& value : values) (*this)[value.items_.front().text_] = value.items_.back();
}

Json Json::array(std::initializer_list<Json> values) {
  Json made(Kind::array);
  made.items_ = values;
  return made;
}

std::optional<Json> Json::parse(std::string_view text) {
  std::optional<Json> made(std::in_place);
  JsonBuilder builder(*made);
  if (!nlohmann::json::sax_parse(text, &builder)) made.reset();
  return made;
}

Json& Json::operator[](std::string_view name) {
  kind_ = Kind::object;
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return items_[static_cast<std::size_t>(found - names_.begin())];
  Json& made = items_.emplace_back();
  names_.emplace_back(name);
  return made;
}

const Json* Json::find(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  return found == names_.end() ? nullptr : &items_[static_cast<std::size_t>(found - names_.begin())];
}

void Json::push_back(Json value) {
  kind_ = Kind::array;
  items_.push_back(std::move(value));
}

std::string Json::dump() const {
  std::string out;
  dump_to(out, 0);
  return out;
}

void Json::dump_to(std::string& out, std::size_t indent) const {
  switch (kind_) {
    case Kind::null: out += "null"; return;
    case Kind::scalar: out += text_; return;
    case Kind::text: out += written(text_); return;
    default: break;
  }
  const bool object = kind_ == Kind::object;
  out += object ? '{' : '[';
  for (std::size_t i = 0; i < items_.size(); ++i) {
    out.append(i == 0 ? "\n" : ",\n").append(indent + kStep, ' ');
    if (object) out.append(written(names_[i])).append(": ");
    items_[i].dump_to(out, indent + kStep);
  }
  if (!items_.empty()) out.append(1, '\n').append(indent, ' ');
  out += object ? '}' : ']';
}

}  // namespace crosswalk
