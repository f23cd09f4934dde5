#include "imaging/layout/write_partition_table.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <libfdisk/libfdisk.h>
#include <memory>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>

#include "imaging/core/errors/layout.h"
#include "imaging/source/content.h"

namespace flashline::imaging {
namespace {

/// "Extended, LBA addressed": what current systems expect of a disk without cylinders.
constexpr unsigned extended_type = 0x0F;
/// Attributes of a GPT entry; the upper ones are those of Microsoft's basic data partitions.
constexpr std::uint64_t gpt_read_only = 1ULL << 60U;
constexpr std::uint64_t gpt_hidden = 1ULL << 62U;
constexpr std::uint64_t gpt_no_drive_letter = 1ULL << 63U;

struct Free {
  void operator()(fdisk_context* context) const noexcept { ::fdisk_unref_context(context); }
  void operator()(fdisk_script* script) const noexcept { ::fdisk_unref_script(script); }
  void operator()(fdisk_partition* partition) const noexcept { ::fdisk_unref_partition(partition); }
  void operator()(fdisk_parttype* type) const noexcept { ::fdisk_unref_parttype(type); }
};
template <class T>
using Handle = std::unique_ptr<T, Free>;

/// What libfdisk says beside its error numbers; it asks nothing, since dialogs are off.
int take_message(fdisk_context* /*context*/, fdisk_ask* ask, void* data) {
  const int kind = ::fdisk_ask_get_type(ask);
  if (kind != FDISK_ASKTYPE_WARN && kind != FDISK_ASKTYPE_WARNX) return kind == FDISK_ASKTYPE_INFO ? 0 : -EINVAL;
  *static_cast<std::string*>(data) = ::fdisk_ask_print_get_mesg(ask);
  return 0;
}

/// One table, from an empty one to the written one.
class TableWriter {
 public:
  TableWriter(const StoreLayout& store, std::string image) : store_{store}, image_{std::move(image)} {}

  Status write(int fd) {
    context_.reset(::fdisk_new_context());
    if (!context_) return fail(errc::table_write, image_ + ": out of memory");
    FL_CHECK(open(fd));
    FL_CHECK(store_.style == TableStyle::gpt ? create_gpt() : create_mbr());
    if (store_.extended) FL_CHECK(add_extended());
    for (const PlacedPartition& partition : store_.partitions) FL_CHECK(add(partition));
    FL_CHECK(check(::fdisk_write_disklabel(context_.get()), "writing"));
    return check(::fdisk_deassign_device(context_.get(), 1), "closing");
  }

 private:
  Status check(int result, std::string_view what) const {
    if (result >= 0) return {};
    return fail(errc::table_write,
                fmt::format("{}: {}: {}", image_, what, message_.empty() ? std::strerror(-result) : message_));
  }

  Status open(int fd) {
    fdisk_context* const context = context_.get();
    ::fdisk_set_ask(context, take_message, &message_);
    ::fdisk_disable_dialogs(context, 1);
    // A grain of one sector: places are taken as they are, nothing is aligned once more.
    FL_CHECK(check(::fdisk_save_user_sector_size(context, store_.sector_size, store_.sector_size), "sector size"));
    FL_CHECK(check(::fdisk_save_user_grain(context, store_.sector_size), "alignment"));
    FL_CHECK(check(::fdisk_assign_device_by_fd(context, fd, image_.c_str(), 0), "opening"));
    return check(::fdisk_enable_wipe(context, 0), "keeping what is there");
  }

  /// First usable sector and length of the array can only be set as headers of a script: the label's own API has
  /// neither for a new table.
  Status create_gpt() {
    const Handle<fdisk_script> script{::fdisk_new_script(context_.get())};
    if (!script) return fail(errc::table_write, image_ + ": out of memory");
    const std::array<std::pair<const char*, std::string>, 5> headers{{
        {"label", "gpt"},
        {"label-id", to_text(store_.disk_guid)},
        {"table-length", std::to_string(store_.entry_count)},
        {"first-lba", std::to_string(store_.first_usable)},
        {"last-lba", std::to_string(store_.last_usable)},
    }};
    for (const auto& [name, value] : headers) {
      FL_CHECK(check(::fdisk_script_set_header(script.get(), name, value.c_str()), name));
    }
    const int result = ::fdisk_apply_script_headers(context_.get(), script.get());
    ::fdisk_set_script(context_.get(), nullptr);  // context and script hold each other: neither would be freed
    return check(result, "making a GPT");
  }

  Status create_mbr() {
    FL_CHECK(check(::fdisk_create_disklabel(context_.get(), "dos"), "making an MBR"));
    const std::string signature = fmt::format("0x{:08x}", store_.disk_signature);
    FL_CHECK(check(::fdisk_set_disklabel_id_from_string(context_.get(), signature.c_str()), "disk signature"));
    ::fdisk_set_first_lba(context_.get(), 1);  // else nothing may lie in the first MiB
    return {};
  }

  Status add_extended() {
    FL_TRY(const auto partition, make_partition(4, *store_.extended, std::uint8_t{extended_type}));
    return check(::fdisk_add_partition(context_.get(), partition.get(), nullptr), "the extended partition");
  }

  Status add(const PlacedPartition& from) {
    FL_TRY(const auto partition, make_partition(from.number, from.place, from.type));
    const bool gpt = store_.style == TableStyle::gpt;
    if (gpt) {
      FL_CHECK(check(::fdisk_partition_set_name(partition.get(), from.name.c_str()), from.name));
      FL_CHECK(check(::fdisk_partition_set_uuid(partition.get(), to_text(from.id).c_str()), from.name));
    }
    FL_CHECK(check(::fdisk_add_partition(context_.get(), partition.get(), nullptr), from.name));
    const std::size_t index = from.number - 1;
    if (gpt) return set_attributes(from, index);
    if (!from.bootable) return {};
    return check(::fdisk_toggle_partition_flag(context_.get(), index, DOS_FLAG_ACTIVE), from.name);
  }

  Status set_attributes(const PlacedPartition& from, std::size_t index) {
    const std::uint64_t attributes = (from.read_only ? gpt_read_only : 0) | (from.hidden ? gpt_hidden : 0) |
                                     (from.attach_drive_letter ? 0 : gpt_no_drive_letter);
    if (attributes == 0) return {};
    return check(::fdisk_gpt_set_partition_attrs(context_.get(), index, attributes), from.name);
  }

  Result<Handle<fdisk_partition>> make_partition(std::uint32_t number, const SectorRange& place,
                                                 const PartitionType& type) {
    Handle<fdisk_partition> partition{::fdisk_new_partition()};
    const Handle<fdisk_parttype> kind = type_of(type);
    if (!partition || !kind) return fail(errc::table_write, fmt::format("{}: {} is no type", image_, to_text(type)));
    FL_CHECK(check(::fdisk_partition_set_partno(partition.get(), number - 1), "its number"));
    FL_CHECK(check(::fdisk_partition_set_start(partition.get(), place.first), "its start"));
    FL_CHECK(check(::fdisk_partition_set_size(partition.get(), place.count), "its size"));
    FL_CHECK(check(::fdisk_partition_set_type(partition.get(), kind.get()), "its type"));
    return partition;
  }

  Handle<fdisk_parttype> type_of(const PartitionType& type) {
    if (const auto* const guid = std::get_if<Guid>(&type)) {
      const fdisk_label* const label = ::fdisk_get_label(context_.get(), nullptr);
      return Handle<fdisk_parttype>{::fdisk_label_parse_parttype(label, to_text(*guid).c_str())};
    }
    Handle<fdisk_parttype> kind{::fdisk_new_parttype()};
    if (kind && ::fdisk_parttype_set_code(kind.get(), std::get<std::uint8_t>(type)) != 0) return nullptr;
    return kind;
  }

  const StoreLayout& store_;
  std::string image_;
  std::string message_;
  Handle<fdisk_context> context_;  // last: it refers to the message
};

}  // namespace

Status write_partition_table(const StoreLayout& store, const std::filesystem::path& image) {
  const FileHandle file{::open(image.c_str(), O_RDWR | O_CLOEXEC)};
  if (!file) return fail(errc::table_write, fmt::format("{}: {}", image.string(), std::strerror(errno)));
  struct stat facts{};
  const std::uint64_t size = store.sectors * store.sector_size;
  if (::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode) ||
      static_cast<std::uint64_t>(facts.st_size) != size) {
    return fail(errc::table_write, fmt::format("{}: not a file of {} bytes", image.string(), size));
  }
  return TableWriter{store, image.string()}.write(file.get());
}

}  // namespace flashline::imaging
