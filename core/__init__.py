"""Workflow, history, jobs, files, workbooks, documents: what every stage stands on."""
