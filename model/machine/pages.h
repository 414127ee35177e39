// Pages: the identity and the bytes of private anonymous pages, one per frame that holds one.
//
// Laws: CONTENT, COW, FRAME-2. Context: one thread. Cost: 4096 bytes a page that was ever stored to. It deliberately
// keys contents by page, not by frame or address: a copy is a new page with the same bytes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace mmtwin::model {

using PageBytes = std::array<std::uint8_t, 4096>;

enum class Exclusive : std::uint8_t { kNo, kYes, kUnknown };  // unknown: a refused fork may have cleared it

struct Page {
  std::uint64_t frame = 0;
  std::uint32_t mappings = 0;  // leaf entries that map it
  std::uint64_t shared_until = 0;  // Machine::clock when it was mapped more than once last, and is not now
  Exclusive exclusive = Exclusive::kNo;
  bool is_zero = true;           // all bytes zero; `bytes` means nothing then
  std::unique_ptr<PageBytes> bytes;
};

// Numbers from 1; 0 is no page.
class Pages {
 public:
  std::uint32_t make(std::uint64_t frame);
  // A new page with the bytes of `from`, which may be 0: all zero.
  std::uint32_t copy(std::uint32_t from, std::uint64_t frame);
  void drop(std::uint32_t page);
  Page& at(std::uint32_t page) { return pages_[page]; }
  const Page& at(std::uint32_t page) const { return pages_[page]; }
  void store(std::uint32_t page, std::uint64_t offset, std::uint8_t byte);
  std::uint8_t load(std::uint32_t page, std::uint64_t offset) const;
  std::uint64_t live() const { return live_; }
  void clear();

 private:
  std::vector<Page> pages_{1};
  std::vector<std::uint32_t> spare_;
  std::uint32_t used_ = 0;  // pages_[1..used_] were handed out since clear()
  std::uint64_t live_ = 0;
};

}  // namespace mmtwin::model
