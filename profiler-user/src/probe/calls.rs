//! Calls of kernel functions, put into the object before it is loaded.
//!
//! Such a call names a function by its type in the kernel's BTF
//! (Documentation/bpf/kfuncs.rst), for which aya has no relocation. The programs call
//! numbers that no helper has instead; each of these is replaced, by nothing where the
//! kernel has no such function.

use profiler_common::config::Hung;

use super::btf::Types;
use super::preemption;

/// What the programs call, and the kernel's functions.
const FUNCTIONS: [(Hung, usize, &str); 4] = [
    off(Hung::Tracepoint),
    on(Hung::Tracepoint),
    off(Hung::Function),
    on(Hung::Function),
];

const fn off(hung: Hung) -> (Hung, usize, &'static str) {
    (hung, hung.preemption_off(), "bpf_preempt_disable")
}

const fn on(hung: Hung) -> (Hung, usize, &'static str) {
    (hung, hung.preemption_on(), "bpf_preempt_enable")
}

// Instructions as they lie in the object: opcode, registers, offset, immediate
// (Documentation/bpf/standardization/instruction-set.rst).
const CALL: u8 = 0x85;
const JUMP: u8 = 0x05;
/// `BPF_PSEUDO_KFUNC_CALL`, in place of the source register.
const KERNEL_FUNCTION: u8 = 2 << 4;

type Instruction = [u8; 8];

/// Each call that the programs make, and what is put in its place.
pub struct Calls([(Instruction, Instruction); FUNCTIONS.len()]);

impl Calls {
    /// As the running kernel, which has these types, needs them: where it does not
    /// preempt, they would cost 30 ns an operation for nothing.
    pub fn of_kernel(types: &Types) -> Self {
        let tracepoints = preemption::of_tracepoints();
        Self(FUNCTIONS.map(|(hung, number, name)| {
            let call = instruction(CALL, 0, (number as u32).to_le_bytes());
            let needed = hung == Hung::Function || tracepoints;
            let function = needed.then(|| types.function(name)).flatten();
            // A jump to the next instruction does nothing.
            let instead = function.map_or(instruction(JUMP, 0, [0; 4]), |id| {
                instruction(CALL, KERNEL_FUNCTION, id.to_le_bytes())
            });
            (call, instead)
        }))
    }

    /// The object with its calls replaced.
    pub fn put_in(&self, mut object: Vec<u8>) -> Vec<u8> {
        // Sections with code are aligned to instructions.
        for place in object.as_chunks_mut::<8>().0 {
            for (call, instead) in &self.0 {
                if place == call {
                    *place = *instead;
                }
            }
        }
        object
    }
}

const fn instruction(opcode: u8, registers: u8, immediate: [u8; 4]) -> Instruction {
    let [a, b, c, d] = immediate;
    [opcode, registers, 0, 0, a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_replaced_and_nothing_else() {
        let types = Types::of_kernel().expect("this kernel has BTF");
        let call = instruction(
            CALL,
            0,
            (Hung::Function.preemption_off() as u32).to_le_bytes(),
        );
        let helper = instruction(CALL, 0, 5_u32.to_le_bytes());
        let object = Calls::of_kernel(&types).put_in([call, helper].concat());
        let instead = types
            .function("bpf_preempt_disable")
            .map_or(instruction(JUMP, 0, [0; 4]), |id| {
                instruction(CALL, KERNEL_FUNCTION, id.to_le_bytes())
            });
        assert_eq!(object, [instead, helper].concat());
    }
}
