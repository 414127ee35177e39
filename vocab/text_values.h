// How a field's value is written, by its type. Only vocab/text*.cc include this.
//
// Laws: none. Context: pure functions. Cost: linear in the token. `read_value` answers what is wrong with the token, or
// nothing; bounds are those of vocab/bounds.h. It deliberately knows neither operations nor lines.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "vocab/bounds.h"
#include "vocab/wording.h"

namespace mmtwin::text {

using Problem = std::string;  // empty: none

inline std::string hex(std::uint64_t value) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  return "0x" + std::string(digits.data(), end);
}

// Decimal or 0x hex, the whole token.
inline Problem read_number(std::string_view token, std::uint64_t& value) {
  const bool is_hex = token.starts_with("0x");
  const std::string_view digits = is_hex ? token.substr(2) : token;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
  if (error == std::errc::result_out_of_range) return in_quotes(token) + " does not fit 64 bits";
  if (error != std::errc() || end != digits.data() + digits.size()) return in_quotes(token) + " is no number";
  return {};
}

inline Problem read_bounded(std::string_view token, Bounds bounds, std::uint64_t& value) {
  if (Problem problem = read_number(token, value); !problem.empty()) return problem;
  if (bounds.contains(value)) return {};
  return std::to_string(value) + " is not " + std::to_string(bounds.least) + " to " + std::to_string(bounds.most);
}

// A handle's number after its letter.
inline Problem read_handle(std::string_view token, char letter, unsigned& number) {
  std::uint64_t value = 0;
  if (token.empty() || token[0] != letter || !read_number(token.substr(1), value).empty() || value == 0 ||
      value > kMaxHandle || token[1] == '0') {
    return in_quotes(token) + " is no handle: " + letter + "1 to " + letter + std::to_string(kMaxHandle);
  }
  number = static_cast<unsigned>(value);
  return {};
}

inline std::string write_handle(char letter, unsigned number) { return letter + std::to_string(number); }

// ---- by type ----

// Addresses, sizes and contents are easier to read in hex, counts and identities in decimal.
template <class T>
inline constexpr bool kPrintsHex =
    std::is_same_v<T, Address> || std::is_same_v<T, ByteCount> || std::is_same_v<T, Value>;

template <class T>
std::string write_value(const T& value) {
  if constexpr (kPrintsHex<T>) return hex(value.raw());
  return std::to_string(value.raw());
}
template <class T>
Problem read_value(std::string_view token, T& value, const MachineDescription& machine) {
  std::uint64_t raw = 0;
  Problem problem = read_bounded(token, bounds_of<T>(machine), raw);
  value = T(static_cast<decltype(T{}.raw())>(raw));
  return problem;
}

inline std::string write_value(const NodeId& node) {
  return node == kAnyNode ? "any" : std::to_string(node.raw());
}
inline Problem read_value(std::string_view token, NodeId& node, const MachineDescription& machine) {
  node = kAnyNode;
  if (token == "any") return {};
  std::uint64_t raw = 0;
  Problem problem = read_bounded(token, bounds_of<NodeId>(machine), raw);
  node = NodeId(static_cast<unsigned>(raw));
  return problem.empty() ? problem : problem + ", or any";
}

template <class Tag>
std::string write_value(const Flags<Tag>& flags) {
  std::string out;
  for (unsigned bit = 0; bit < flag_count(flags); ++bit) {
    if (!flags.has(Flags<Tag>(1u << bit))) continue;
    if (!out.empty()) out += '|';
    out += Tag::kNames[bit];
  }
  return out.empty() ? "none" : out;
}
template <class Tag>
Problem read_value(std::string_view token, Flags<Tag>& flags, const MachineDescription&) {
  flags = Flags<Tag>();
  if (token == "none") return {};
  while (true) {
    const std::size_t bar = token.find('|');
    const std::string_view name = token.substr(0, bar);
    unsigned bit = 0;
    while (bit < flag_count(flags) && name != Tag::kNames[bit]) ++bit;
    if (bit == flag_count(flags)) return in_quotes(name) + " is no flag";
    if (flags.has(Flags<Tag>(1u << bit))) return "flag " + in_quotes(name) + " twice";
    flags = flags | Flags<Tag>(1u << bit);
    if (bar == std::string_view::npos) return {};
    token = token.substr(bar + 1);
  }
}

inline std::string write_value(const Prot& prot) {
  std::string out;
  for (unsigned bit = 0; bit < kProtBits; ++bit) {
    if (prot.has(Prot(1u << bit))) out += ProtTag::kNames[bit];
  }
  return out.empty() ? "none" : out;
}
inline Problem read_value(std::string_view token, Prot& prot, const MachineDescription&) {
  prot = kProtNone;
  if (token == "none") return {};
  for (const char letter : token) {
    unsigned bit = 0;
    while (bit < kProtBits && letter != ProtTag::kNames[bit][0]) ++bit;
    if (bit == kProtBits || prot.has(Prot(1u << bit))) return in_quotes(token) + " is not made of r, w, x, each once";
    prot = prot | Prot(1u << bit);
  }
  return token.empty() ? "a protection is rwx or fewer of them, or none" : Problem();
}

template <char Letter>
std::string write_value(const Register<Letter>& use) {
  return use.is_none() ? "none" : write_handle(Letter, use.number());
}
template <char Letter>
Problem read_value(std::string_view token, Register<Letter>& use, const MachineDescription&) {
  use = Register<Letter>();
  if (token == "none") return {};
  unsigned number = 0;
  Problem problem = read_handle(token, Letter, number);
  use = Register<Letter>(number);
  return problem.empty() ? problem : problem + ", or none";
}

template <char Letter>
std::string write_value(const Fresh<Letter>& result) {
  return write_handle(Letter, result.number());
}
template <char Letter>
Problem read_value(std::string_view token, Fresh<Letter>& result, const MachineDescription&) {
  unsigned number = 0;
  Problem problem = read_handle(token, Letter, number);
  result = Fresh<Letter>(number);
  return problem;
}

// space.take#2
inline std::string write_value(const Pause& pause) {
  return pause.is_none() ? "none" : std::string(name_of(pause.point)) + "#" + std::to_string(pause.nth);
}
inline Problem read_value(std::string_view token, Pause& pause, const MachineDescription&) {
  pause = Pause();
  if (token == "none") return {};
  const std::size_t sharp = token.find('#');
  if (sharp == std::string_view::npos) return in_quotes(token) + " is no pause: POINT#N";
  std::uint64_t nth = 0;
  if (Problem problem = read_bounded(token.substr(sharp + 1), Bounds{1, Pause::kMostPassings}, nth); !problem.empty()) {
    return problem;
  }
  for (std::size_t i = 1; i < kPoints.size(); ++i) {
    if (kPoints[i].name == token.substr(0, sharp)) pause = {static_cast<Point>(i), static_cast<std::uint8_t>(nth)};
  }
  return pause.is_none() ? in_quotes(token.substr(0, sharp)) + " is no point" : Problem();
}

// 0x1000, a3, a3+0x1000, a3-0x1000.
inline std::string write_value(const Place& place) {
  if (place.base.is_none()) return hex(place.offset);
  const std::string base = write_value(place.base);
  if (place.offset == 0) return base;
  const bool is_below = place.offset >> 63 != 0;
  return base + (is_below ? "-" + hex(-place.offset) : "+" + hex(place.offset));
}
inline Problem read_value(std::string_view token, Place& place, const MachineDescription& machine) {
  place = Place();
  if (token.empty() || token[0] != AddressHandle::kLetter) return read_number(token, place.offset);
  const std::size_t sign = token.find_first_of("+-");
  Problem problem = read_value(token.substr(0, sign), place.base, machine);
  if (!problem.empty() || sign == std::string_view::npos) return problem;
  problem = read_number(token.substr(sign + 1), place.offset);
  if (token[sign] == '-') place.offset = -place.offset;
  return problem;
}

}  // namespace mmtwin::text
