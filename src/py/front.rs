//! The lane's front, as the event loop drives it.

use std::io;
use std::os::fd::{AsRawFd as _, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::guard::Guard;
use crate::core::guard;
use crate::lane::front::Front as Lane;
use crate::lane::queue::HandedOver;
use crate::lane::returns;

/// Descriptor, bytes, listener, streak, again; see `_accel.pyi`.
type Item<'py> = (RawFd, Bound<'py, PyBytes>, u32, u32, bool);

/// See `_accel.pyi`.
#[pyclass(frozen, module = "accel._accel")]
pub struct Front {
    guard: Arc<guard::Guard>,
    ours: Mutex<Option<UnixDatagram>>,
    theirs: Mutex<Option<OwnedFd>>,
    lane: OnceLock<Lane>,
}

impl Front {
    fn lane(&self) -> PyResult<&Lane> {
        self.lane
            .get()
            .ok_or_else(|| PyRuntimeError::new_err("listen() was not called"))
    }
}

#[pymethods]
impl Front {
    #[new]
    fn new(guard: &Guard) -> PyResult<Self> {
        let (ours, theirs) = returns::channel()?;
        Ok(Self {
            guard: Arc::clone(&guard.0),
            ours: Mutex::new(Some(ours)),
            theirs: Mutex::new(Some(theirs)),
            lane: OnceLock::new(),
        })
    }

    fn channel(&self) -> PyResult<RawFd> {
        let mut theirs = self.theirs.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = theirs.take();
        theirs
            .map(IntoRawFd::into_raw_fd)
            .ok_or_else(|| PyRuntimeError::new_err("the channel was taken"))
    }

    fn listen(&self, count: usize) -> PyResult<()> {
        let ours = self
            .ours
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let ours = ours.ok_or_else(|| PyRuntimeError::new_err("it listens already"))?;
        let descriptors = (0..count)
            .map(|_| returns::receive(&ours)?.ok_or_else(|| io::ErrorKind::InvalidData.into()))
            .map(|received| received.map(|(descriptor, _)| descriptor))
            .collect::<io::Result<_>>()?;
        let lane = Lane::start(Arc::clone(&self.guard), descriptors, ours)?;
        // Only one call gets past the channel above.
        let _ = self.lane.set(lane);
        Ok(())
    }

    fn bell(&self) -> PyResult<RawFd> {
        Ok(self.lane()?.descriptor().as_raw_fd())
    }

    fn accept(&self, listener: u32, most: usize) -> PyResult<usize> {
        Ok(self.lane()?.accept(listener, most)?)
    }

    fn take<'py>(&self, py: Python<'py>) -> PyResult<Vec<Item<'py>>> {
        let items = self.lane()?.take().into_iter().map(|item| {
            let HandedOver {
                descriptor,
                bytes,
                listener,
                streak,
                again,
                held: _held,
            } = item;
            let bytes = PyBytes::new(py, &bytes);
            (descriptor.into_raw_fd(), bytes, listener, streak, again)
        });
        Ok(items.collect())
    }

    fn announce(&self) -> PyResult<()> {
        self.lane()?.announce();
        Ok(())
    }

    fn retract(&self) -> PyResult<()> {
        self.lane()?.retract();
        Ok(())
    }

    fn kept(&self) -> PyResult<()> {
        self.lane()?.kept();
        Ok(())
    }

    fn held(&self) -> usize {
        self.lane.get().map_or(0, Lane::held)
    }

    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = self.lane()?.counts();
        let dict = PyDict::new(py);
        dict.set_item("accepted", counts.accepted)?;
        dict.set_item("handed_over", counts.handed_over)?;
        dict.set_item("returned", counts.returned)?;
        Ok(dict)
    }

    fn stop(&self) {
        if let Some(lane) = self.lane.get() {
            lane.stop();
        }
    }

    fn is_running(&self) -> bool {
        self.lane.get().is_some_and(Lane::is_running)
    }
}
