// Pieces of the sentences that people read: foreign text made fit to be shown, and counts that agree with their noun.
//
// Laws: none. Context: pure functions. Cost: small strings. However long a line of input was and whatever bytes it
// held, a message about it stays short and printable. It deliberately knows no sentence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mmtwin {

inline constexpr std::size_t kQuotedBytes = 40;      // of a token
inline constexpr std::size_t kMentionedBytes = 200;  // of a file's name, or of anything else

// At most that many bytes of `text`, "..." where some are left out; bytes that do not print are written \x1b.
inline std::string mentioned(std::string_view text, std::size_t most = kMentionedBytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : text.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c >= ' ' && c <= '~') out += c;
    else out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text.size() > most ? out + "..." : out;
}

inline std::string in_quotes(std::string_view text) { return "'" + mentioned(text, kQuotedBytes) + "'"; }

// "1 operation", "2 operations"; `many` where that is not the noun with an s.
inline std::string counted(std::uint64_t count, std::string_view noun, std::string_view many = {}) {
  const std::string number = std::to_string(count) + " ";
  if (count == 1) return number + std::string(noun);
  return number + (many.empty() ? std::string(noun) + "s" : std::string(many));
}

}  // namespace mmtwin
