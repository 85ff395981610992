"""The ground floor: clock, ids, geometry, problems, the endpoint pipeline. Knows nothing of the job."""
