// Contents: the bytes of a space's private anonymous pages, by place.
//
// Laws: CONTENT-1. Context: one thread. Cost: a map node a page that was ever stored to, 4096 bytes a value. A *place*,
// a page of a space, has a *value*, which stands for 4096 bytes: fork shares it, a store makes another one, in place
// where nobody else has it. A place that was never stored to has the value zero, which is kept nowhere. It deliberately
// knows no frames: a value may lie anywhere. Source: Linux Documentation/mm/ (anonymous memory), fork(2).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>

namespace mmtwin::model {

using PageBytes = std::array<std::uint8_t, 4096>;

class Contents {
 public:
  Contents() = default;
  Contents(const Contents&) = delete;
  Contents& operator=(const Contents&) = delete;
  ~Contents() { clear(); }

  // Up to 8 bytes at `at`, little endian; they may straddle two pages.
  std::uint64_t load(std::uint64_t at, unsigned width) const;
  void store(std::uint64_t at, unsigned width, std::uint64_t value);
  // The pages from `first` to before `end` are zero again.
  void drop(std::uint64_t first, std::uint64_t end);
  void clear();
  // `child`, which is empty, has the same values at the same places.
  void share_with(Contents& child) const;
  // A page from `first` to before `end` whose value as many places have, of all spaces, or more.
  bool has_value_of(std::uint32_t places, std::uint64_t first, std::uint64_t end) const;
  // Places that have a value of their own or share one.
  std::uint64_t pages() const { return values_.size(); }

  // What it was, and that it is so again.
  struct Value {
    PageBytes bytes{};
    std::uint32_t places = 0;
  };
  using Image = std::map<std::uint64_t, std::shared_ptr<Value>>;
  const Image& image() const { return values_; }
  void restore(Image image);

 private:
  static void leave(const std::shared_ptr<Value>& value) { --value->places; }
  PageBytes& own(std::uint64_t page);

  Image values_;  // by page
};

}  // namespace mmtwin::model
