// JSON to be put together and written: reports, catalogs, manifests. Not for records.
//
// Unlike nlohmann/json's, whose destructor asks for memory and ends the process where there is none, these values can be taken
// apart at any time.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crosswalk {

class Json {
 public:
  Json() = default;  ///< null
  Json(std::nullptr_t) {}
  Json(std::same_as<bool> auto value) : kind_(Kind::scalar), text_(value ? "true" : "false") {}
  template <std::integral Number>
  requires(!std::same_as<Number, bool>) Json(Number number) : kind_(Kind::scalar), text_(std::to_string(number)) {}
  Json(double number);
  Json(std::string_view text) : kind_(Kind::text), text_(text) {}
  Json(const std::string& text) : Json(std::string_view(text)) {}
  Json(const char* text) : Json(std::string_view(text)) {}
  Json(const std::vector<std::string>& texts);
  template <class Value, class Less>
  Json(const std::map<std::string, Value, Less>& members) : kind_(Kind::object) {
    for (const auto& [name, value] : members) (*this)[name] = value;
  }
  /// Pairs whose first value is a text are the members of an object; else an array.
  Json(std::initializer_list<Json> values);

  static Json object() { return Json(Kind::object); }
  static Json array(std::initializer_list<Json> values = {});
  /// Nothing where it is no JSON, or deeper than a thousand levels.
  static std::optional<Json> parse(std::string_view text);

  /// The member; a new one, last, where there is none. Null becomes an object.
  Json& operator[](std::string_view name);
  [[nodiscard]] const Json* find(std::string_view name) const;  ///< the member, or none
  [[nodiscard]] bool contains(std::string_view name) const { return find(name) != nullptr; }
  void push_back(Json value);  ///< null becomes an array

  [[nodiscard]] bool is_object() const { return kind_ == Kind::object; }
  [[nodiscard]] bool is_array() const { return kind_ == Kind::array; }
  [[nodiscard]] const std::string* text() const { return kind_ == Kind::text ? &text_ : nullptr; }
  [[nodiscard]] const std::string* scalar() const { return kind_ == Kind::scalar ? &text_ : nullptr; }
  [[nodiscard]] const std::vector<Json>& items() const { return items_; }         ///< of an array or an object
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }  ///< of an object, beside its items

  /// On lines of their own, each level two blanks further in. What is not UTF-8 in a text is replaced.
  [[nodiscard]] std::string dump() const;

 private:
  enum class Kind : std::uint8_t { null, scalar, text, array, object };
  explicit Json(Kind kind) : kind_(kind) {}
  void dump_to(std::string& out, std::size_t indent) const;

  friend class JsonBuilder;
  Kind kind_ = Kind::null;
  std::string text_;  // of a scalar: as it is written
  std::vector<std::string> names_;
  std::vector<Json> items_;
};

}  // namespace crosswalk
