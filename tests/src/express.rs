//! mod_wsgi-express.
