#include "imaging/package/cab_reader.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mspack.h>
#include <set>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "imaging/core/errors/package.h"
#include "imaging/core/unicode.h"
#include "imaging/package/cab_structure.h"
#include "imaging/source/file_view.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging::cab {
namespace {

/// What libmspack calls a file: the cabinet, read at a place of its own, or where a member goes.
struct OpenFile {
  BlockView* view = nullptr;  ///< null: it is written
  const Reader::Sink* sink = nullptr;
  Status* status = nullptr;  ///< of view or sink, which libmspack has no words for
  std::uint64_t at = 0;
};

/// libmspack's idea of the world: one cabinet, one sink, no names.
struct World {
  mspack_system system{};  // first, so that its address is that of the world
  BlockView* view = nullptr;
  const Reader::Sink* sink = nullptr;
  Status status;
};

OpenFile& file_of(mspack_file* file) { return *reinterpret_cast<OpenFile*>(file); }

mspack_file* open_file(mspack_system* self, const char* /*name*/, int mode) {
  World& world = *reinterpret_cast<World*>(self);
  auto file = std::make_unique<OpenFile>(OpenFile{.status = &world.status});
  if (mode == MSPACK_SYS_OPEN_READ) {
    file->view = world.view;
  } else {
    file->sink = world.sink;
  }
  return reinterpret_cast<mspack_file*>(file.release());
}

void close_file(mspack_file* file) { const std::unique_ptr<OpenFile> owned{&file_of(file)}; }

int read_file(mspack_file* handle, void* buffer, int count) {
  // A block that goes on in another cabinet makes libmspack close this one; the next member is read all the same.
  if (handle == nullptr) return -1;
  OpenFile& file = file_of(handle);
  if (file.view == nullptr || count < 0) return -1;
  const std::uint64_t size = file.view->size().value;
  const std::uint64_t left = file.at < size ? size - file.at : 0;
  const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(left, static_cast<std::uint64_t>(count)));
  const Status status = file.view->read(ByteOffset{file.at}, {static_cast<std::byte*>(buffer), part});
  if (!status) {
    *file.status = status;
    return -1;
  }
  file.at += part;
  return static_cast<int>(part);
}

int write_file(mspack_file* handle, void* buffer, int count) {
  OpenFile& file = file_of(handle);
  if (file.sink == nullptr || count < 0) return -1;
  const Status status = (*file.sink)({static_cast<const std::byte*>(buffer), static_cast<std::size_t>(count)});
  if (status) return count;
  *file.status = status;
  return -1;
}

int seek_file(mspack_file* handle, off_t offset, int mode) {
  OpenFile& file = file_of(handle);
  if (file.view == nullptr) return -1;
  const auto size = static_cast<std::int64_t>(file.view->size().value);
  const std::int64_t from = mode == MSPACK_SYS_SEEK_START ? 0
                            : mode == MSPACK_SYS_SEEK_END ? size
                                                          : static_cast<std::int64_t>(file.at);
  const std::int64_t to = from + offset;
  if (to < 0) return -1;
  file.at = static_cast<std::uint64_t>(to);
  return 0;
}

off_t tell_file(mspack_file* handle) { return static_cast<off_t>(file_of(handle).at); }
void ignore_message(mspack_file* /*file*/, const char* /*format*/, ...) {}
void* allocate(mspack_system* /*self*/, std::size_t count) { return std::malloc(count); }
void release(void* memory) { std::free(memory); }
void copy(void* from, void* to, std::size_t count) { std::memcpy(to, from, count); }

mspack_system callbacks() {
  mspack_system system{};
  system.open = open_file;
  system.close = close_file;
  system.read = read_file;
  system.write = write_file;
  system.seek = seek_file;
  system.tell = tell_file;
  system.message = ignore_message;
  system.alloc = allocate;
  system.free = release;
  system.copy = copy;
  return system;
}

std::string_view reason(int code) {
  switch (code) {
    case MSPACK_ERR_OPEN:
    case MSPACK_ERR_READ:
    case MSPACK_ERR_SEEK:
      return "it ends too early";
    case MSPACK_ERR_NOMEMORY:
      return "there is not enough memory";
    case MSPACK_ERR_SIGNATURE:
      return "it does not begin with MSCF";
    case MSPACK_ERR_CHECKSUM:
      return "a block does not have its checksum";
    case MSPACK_ERR_DECRUNCH:
      return "a block cannot be unpacked";
    default:
      return "its tables contradict themselves";
  }
}

/// Names are UTF-8 where the member says so, else in a code page that is not told: the usual one's common part.
std::optional<std::string> utf8_name(const mscabd_file& file) {
  const std::string name{file.filename};
  if (!first_invalid_utf8(name)) return name;
  if ((file.attribs & MSCAB_ATTRIB_UTF_NAME) != 0) return std::nullopt;
  std::u16string wide;
  for (const char c : name) wide.push_back(static_cast<unsigned char>(c));
  return utf8_of(wide);
}

}  // namespace

struct Reader::Library {
  Library(std::unique_ptr<BlockView> bytes, std::string file_name)
      : view{std::move(bytes)}, name{std::move(file_name)} {
    world.system = callbacks();
    world.view = view.get();
  }
  ~Library() {
    if (cabinet != nullptr) decompressor->close(decompressor, cabinet);
    if (decompressor != nullptr) mspack_destroy_cab_decompressor(decompressor);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  std::unexpected<Error> error(Errc code, std::string_view what) const {
    return fail(code, fmt::format("{}: {}", name, what));
  }
  std::unexpected<Error> error_of(int code) const {
    if (!world.status) return fail(world.status.error().code, fmt::format("{}: {}", name, world.status.error().detail));
    return error(errc::cab_damaged, reason(code));
  }

  Status open() {
    decompressor = mspack_create_cab_decompressor(&world.system);
    if (decompressor == nullptr) return error_of(MSPACK_ERR_NOMEMORY);
    cabinet = decompressor->open(decompressor, name.c_str());
    if (cabinet == nullptr) return error_of(decompressor->last_error(decompressor));
    if ((cabinet->flags & (MSCAB_HDR_PREVCAB | MSCAB_HDR_NEXTCAB)) != 0) {
      return error(errc::cab_set, "it is one of several parts");
    }
    FL_CHECK(list_members());
    return check_overlaps();
  }

  Status list_members() {
    std::set<std::string> seen;
    for (mscabd_file* file = cabinet->files; file != nullptr; file = file->next) {
      FL_TRY(std::string member, member_name(*file));
      if (!seen.insert(folded(member)).second) return error(errc::cab_member_twice, fmt::format("'{}'", member));
      members.push_back({.name = std::move(member), .size = file->length});
      files.push_back(file);
    }
    return {};
  }

  Result<std::string> member_name(const mscabd_file& file) const {
    const auto text = utf8_name(file);
    const bool absolute = text && (text->starts_with('\\') || text->starts_with('/'));
    const auto path = text && !absolute ? device_path(*text) : fail(errc::cab_member_name, "");
    if (!path || *path == "\\") return error(errc::cab_member_name, fmt::format("'{}'", text.value_or(file.filename)));
    return path->substr(1);
  }

  /// Members share no byte, and none goes past the blocks of its folder.
  Status check_overlaps() const {
    std::map<const mscabd_folder*, std::vector<const mscabd_file*>> folders;
    for (const mscabd_file* file : files) folders[file->folder].push_back(file);
    for (auto& [folder, inside] : folders) {
      std::ranges::sort(inside, {}, &mscabd_file::offset);
      std::uint64_t end = 0;
      for (const mscabd_file* file : inside) {
        if (file->length > 0 && file->offset < end) return error(errc::cab_damaged, "two members are the same bytes");
        end = std::max(end, std::uint64_t{file->offset} + file->length);
      }
      if (end > std::uint64_t{folder->num_blocks} * block_size) {
        return error(errc::cab_damaged, "a member goes past the end of its folder");
      }
      const int method = MSCABD_COMP_METHOD(folder->comp_type);
      if (method != stored && method != mszip && method != lzx) {
        return error(errc::cab_damaged, fmt::format("method {} of packing is not known", method));
      }
    }
    return {};
  }

  std::unique_ptr<BlockView> view;
  std::string name;
  World world;
  mscab_decompressor* decompressor = nullptr;
  mscabd_cabinet* cabinet = nullptr;
  std::vector<Member> members;
  std::vector<mscabd_file*> files;  ///< of the same index
};

namespace {

/// A file that is kept open.
class OwnedFileView final : public BlockView {
 public:
  OwnedFileView(FileHandle file, ByteCount size) : file_{std::move(file)}, view_{file_.get(), size} {}
  ByteCount size() const override { return view_.size(); }
  Status read(ByteOffset at, std::span<std::byte> out) override { return view_.read(at, out); }

 private:
  FileHandle file_;
  FileView view_;
};

}  // namespace

Reader::Reader(std::unique_ptr<Library> library) : library_{std::move(library)} {}
Reader::~Reader() = default;
Reader::Reader(Reader&&) noexcept = default;

Result<Reader> Reader::open(const std::filesystem::path& path) {
  FL_TRY(FileHandle file, open_for_reading(path));
  FL_TRY(const ByteCount size, size_of(file.get()));
  return open(std::make_unique<OwnedFileView>(std::move(file), size), path.string());
}

Result<Reader> Reader::open(std::unique_ptr<BlockView> view, std::string name) {
  auto library = std::make_unique<Library>(std::move(view), std::move(name));
  FL_CHECK(library->open());
  return Reader{std::move(library)};
}

const std::string& Reader::name() const { return library_->name; }
const std::vector<Member>& Reader::members() const { return library_->members; }

const Member* Reader::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(members(), [&](const Member& member) { return same_word(member.name, name); });
  return found == members().end() ? nullptr : &*found;
}

Status Reader::unpack(const Member& member, const Sink& sink) {
  Library& library = *library_;
  const auto index = static_cast<std::size_t>(&member - library.members.data());
  library.world.sink = &sink;
  library.world.status = {};
  const int code = library.decompressor->extract(library.decompressor, library.files[index], "");
  library.world.sink = nullptr;
  if (code != MSPACK_ERR_OK) return library.error_of(code);
  return {};
}

Result<std::vector<std::byte>> Reader::bytes_of(const Member& member, std::uint64_t limit) {
  if (member.size > limit) {
    return library_->error(errc::cab_damaged, fmt::format("{} has {} bytes, no real one has more than {}", member.name,
                                                          member.size, limit));
  }
  std::vector<std::byte> bytes;
  FL_CHECK(unpack(member, [&](std::span<const std::byte> part) -> Status {
    bytes.insert(bytes.end(), part.begin(), part.end());
    return {};
  }));
  return bytes;
}

}  // namespace flashline::imaging::cab
