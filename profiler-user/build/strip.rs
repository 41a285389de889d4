//! Takes out of an object what only a debugger or a linker would read: four fifths of
//! it, which would be mapped and looked through at each start. The types and line
//! numbers that the kernel is given are in `.BTF` and `.BTF.ext`, and stay.

use std::fs;
use std::path::Path;

use object::build::elf::{Builder, SectionData};
use object::elf::SHT_STRTAB;

/// Sections that go.
const UNREAD: [&[u8]; 3] = [b".debug_", b".rel.debug_", b".rel.BTF"];

/// Rewrites the object without them.
pub fn strip(object: &Path) -> Result<(), String> {
    let explain =
        |error: &dyn std::fmt::Display| format!("cannot strip {}: {error}", object.display());
    let data = fs::read(object).map_err(|error| explain(&error))?;
    let mut builder = Builder::read(&*data).map_err(|error| explain(&error))?;
    for section in &mut builder.sections {
        let name = section.name.as_slice();
        section.delete = UNREAD.iter().any(|unread| name.starts_with(unread));
    }
    builder.delete_orphans();
    // LLVM keeps all names in one table, for which there is no writer.
    let names = builder.sections.add();
    names.name = b".shstrtab".as_slice().into();
    names.sh_type = SHT_STRTAB;
    names.data = SectionData::SectionString;
    let mut stripped = Vec::new();
    builder
        .write(&mut stripped)
        .map_err(|error| explain(&error))?;
    fs::write(object, stripped).map_err(|error| explain(&error))
}
