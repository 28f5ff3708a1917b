"""How steps are carried out, one module for each channel; see :class:`sop.journeys.ports.StepChannel`."""
