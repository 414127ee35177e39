// Field lists of plain structs, read from their declarations: the reason why a field of an operation is one line.
//
// Laws: none. Context: compile time. Cost: none at run time. A reflected struct is an aggregate of `Field<"name", T>`
// members only (at most 10), T being a class type. It deliberately reflects nothing else.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

namespace mmtwin {

template <std::size_t N>
struct FieldName {
  char text[N]{};
  constexpr FieldName(const char (&from)[N]) { std::copy_n(from, N, text); }  // NOLINT: implicit on purpose
  constexpr std::string_view view() const { return {text, N - 1}; }
};

// A value of type T that carries its field name in its type; otherwise it is a T.
template <FieldName Name, class T>
struct Field : T {
  using Value = T;
  static constexpr std::string_view kName = Name.view();
  constexpr Field() = default;
  constexpr Field(T value) : T(value) {}  // NOLINT: implicit on purpose, a field is its value
  constexpr const T& value() const { return *this; }
  constexpr T& value() { return *this; }
  friend constexpr bool operator==(const Field& a, const Field& b) { return a.value() == b.value(); }
};

namespace reflection {

template <class T>
inline constexpr bool kIsField = false;
template <FieldName Name, class T>
inline constexpr bool kIsField<Field<Name, T>> = true;

struct AnyField {
  template <class T>
    requires kIsField<T>
  operator T() const;  // NOLINT: never defined, only its type is asked for
};

template <class S, class... Known>
consteval std::size_t count_fields() {
  if constexpr (requires { S{Known{}..., AnyField{}}; }) {
    return count_fields<S, Known..., AnyField>();
  } else {
    return sizeof...(Known);
  }
}

}  // namespace reflection

template <class S>
inline constexpr std::size_t kFieldCount = reflection::count_fields<S>();

// Calls visit(field) for every field of `s`, in the order of declaration.
template <class S, class Visit>
constexpr void for_each_field(S& s, Visit&& visit) {
  constexpr std::size_t n = kFieldCount<std::remove_const_t<S>>;
  static_assert(n >= 1 && n <= 10, "a reflected struct has 1 to 10 fields");
  auto all = [&](auto&... f) { (visit(f), ...); };
  if constexpr (n == 1) {
    auto& [a] = s;
    all(a);
  } else if constexpr (n == 2) {
    auto& [a, b] = s;
    all(a, b);
  } else if constexpr (n == 3) {
    auto& [a, b, c] = s;
    all(a, b, c);
  } else if constexpr (n == 4) {
    auto& [a, b, c, d] = s;
    all(a, b, c, d);
  } else if constexpr (n == 5) {
    auto& [a, b, c, d, e] = s;
    all(a, b, c, d, e);
  } else if constexpr (n == 6) {
    auto& [a, b, c, d, e, f] = s;
    all(a, b, c, d, e, f);
  } else if constexpr (n == 7) {
    auto& [a, b, c, d, e, f, g] = s;
    all(a, b, c, d, e, f, g);
  } else if constexpr (n == 8) {
    auto& [a, b, c, d, e, f, g, h] = s;
    all(a, b, c, d, e, f, g, h);
  } else if constexpr (n == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = s;
    all(a, b, c, d, e, f, g, h, i);
  } else {
    auto& [a, b, c, d, e, f, g, h, i, j] = s;
    all(a, b, c, d, e, f, g, h, i, j);
  }
}

}  // namespace mmtwin
