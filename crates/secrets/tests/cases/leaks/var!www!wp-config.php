wordpress-secret:2:25:High wordpress-secret:3:21:High
<?php
define( 'DB_PASSWORD', '{{alnum:16}}' );
define('AUTH_KEY', '{{alnum:64}}');
define('NONCE_KEY', 'put your unique phrase here');
